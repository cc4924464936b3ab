//! Misuse and integration.

use super::markdown::Table;
use super::streams::streams;
use logattn_golden::Configuration;
use logattn_golden::config::Input;

/// What the core does with traffic that is wrong.
pub(super) fn misuse(c: &Configuration) -> String {
    let mut table = Table::new(&["what happens", "what the core does", "error"]);
    let rows = match c.input {
        Input::Qkv => format!(
            "a query packet of fewer than {0} or more than {0} beats",
            c.query_block
        ),
        _ => "a row packet whose TLAST is early, late or missing".to_string(),
    };
    let mut row = |what: &str, does: &str, error: &str| table.row([what, does, error]);
    row(
        &rows,
        "gives one output for it; what comes after TLAST is the next packet",
        "`row_short`, `row_long`",
    );
    if c.input != Input::Qkv {
        row(
            "a row packet that is longer than its row, but not than the head",
            "takes it whole, the surplus keys are not used: padded rows are legal",
            "none",
        );
    }
    row(
        "a value packet of another length than the head",
        "short: the head's rows are worth nothing; long: the surplus is dropped. Two packets without TLAST between them are one: the second head is missing",
        "`value_short`, `value_long`",
    );
    if c.input == Input::Qkv {
        row(
            "a key packet of another length than the head",
            "as with values",
            "`key_short`, `key_long`",
        );
    }
    row(
        "`ROW_LENGTH` or `HEAD_KEYS` is 0 or too large (also a causal row that has grown too long), `HEAD_BLOCKS` is 0",
        "takes nothing until the registers are legal; then goes on, and is right",
        "`bad_length`",
    );
    row(
        "a write to a register that is locked",
        "ignores it",
        "`write_locked`",
    );
    row(
        "rows, but no values",
        "waits; after `LOAD_TIMEOUT` cycles in which none are coming it tells",
        "`load_timeout`",
    );
    row(
        "`CONTROL.reset` or `rst` in the middle of packets",
        "starts anew; what is left of the packets is dropped up to TLAST (after `rst`: the source is expected to start anew as well)",
        "none",
    );
    row(
        "fewer row packets than `HEAD_BLOCKS`",
        "waits for the others: `STATUS.head_open` stays 1",
        "none",
    );
    row(
        "a receiver that is never ready",
        "stalls, loses nothing",
        "none",
    );
    row(
        "a beat that is taken back (`tvalid` falls before `tready`)",
        "AXI4-Stream forbids it: nothing is promised",
        "none",
    );
    format!(
        "Nothing hangs the core for good: whatever came, it can be brought to give right outputs again as the table says, at worst \
         by `CONTROL.reset`.\n\n{table}"
    )
}

/// What somebody has to know who puts the core into a design.
pub(super) fn integration(c: &Configuration) -> String {
    let odd: Vec<String> = streams(c)
        .iter()
        .filter(|stream| !stream.bits.is_power_of_two() || stream.bits < 8)
        .map(|stream| format!("`{}_tdata` ({} bits)", stream.name, stream.bits))
        .collect();
    let wide: Vec<String> = streams(c)
        .iter()
        .filter(|stream| stream.bits > 1024)
        .map(|stream| format!("`{}_tdata` ({} bits)", stream.name, stream.bits))
        .collect();
    let mut notes = vec![
        "**One clock.** Everything, AXI4-Lite included, is in the domain of `clk`. Other domains need a FIFO or a clock converter in between.".to_string(),
        "**Reset** is synchronous and active high. AXI's `aresetn` is active low: connect `~aresetn`, synchronized to `clk`.".into(),
    ];
    notes.push(if odd.is_empty() {
        "**Widths.** All `tdata` widths are powers of two, as DMA cores of vendors want them.".into()
    } else {
        format!(
            "**Widths.** {}: no power of two, but whole bytes. DMA cores of vendors have 8, 16, 32 ... 1024 bits; put a width \
             converter (a data width converter of the vendor, or an adapter as in `verilog-axis`) in between. It must keep TLAST.",
            odd.join(", ")
        )
    });
    if !wide.is_empty() {
        notes.push(format!(
            "{} is wider than the 1024 bits of such cores: it takes a width converter, or a source of its own.",
            wide.join(", ")
        ));
    }
    notes.push("**No TKEEP.** Every byte of every beat counts. A DMA core must send whole beats; packets end at a beat.".into());
    notes.push("**TLAST** is needed on every stream in: DMA cores set it at the end of a transfer, so a transfer is a packet.".into());
    notes.push("**Ready before valid.** The core may hold `tready` low until a packet waits, and `enable` is 0 after reset: a source must not wait for `tready` before it offers a beat.".into());
    notes.push("**Address map.** 512 bytes, 32-bit words; place it at any multiple of 4 KiB. `awprot` and `arprot` are ignored. Write address and write data are taken together, once both are there.".into());
    notes.push("**Interrupt.** `irq` is a level, in the domain of `clk`.".into());
    notes.push("**Memories** are written as register arrays with a synchronous read, which synthesis puts into block RAM; they have no reset and no initial content.".into());
    notes.iter().map(|note| format!("- {note}\n")).collect()
}
