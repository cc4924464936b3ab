//! Misuse and integration.

use super::markdown::Table;
use super::registers::{has_error, load};
use super::streams::streams;
use logattn_golden::Configuration;
use logattn_golden::config::Input;
use logattn_hdl::attention_core::{RegisterMap, has_causal};

/// What the core does with traffic that is wrong.
pub(super) fn misuse(c: &Configuration, map: &RegisterMap) -> String {
    let mut table = Table::new(&["what happens", "what the core does", "error"]);
    let rows = match c.input {
        Input::Qkv => queries(c, map),
        Input::Probabilities | Input::Scores => rows(c, map),
    };
    for [what, does, error] in rows.into_iter().chain(heads(c)).chain(others(c)) {
        table.row([what, does, error]);
    }
    format!(
        "Nothing hangs the core for good: whatever came, it can be brought to give right outputs again as the table says, at worst \
         by the [soft reset](#soft-reset).\n\n{table}"
    )
}

/// A line of the table: what happens, what the core does, the bits of `ERRORS`.
fn case(what: impl Into<String>, does: impl Into<String>, error: &str) -> [String; 3] {
    [what.into(), does.into(), error.into()]
}

/// Packets of rows from outside.
fn rows(c: &Configuration, map: &RegisterMap) -> Vec<[String; 3]> {
    let keys = c.keys_per_beat;
    let (row, head) = (
        format!("ceil(row length / {keys})"),
        format!("ceil(HEAD_KEYS / {keys})"),
    );
    let mut cases = Vec::new();
    if has_error(map, "row_short") {
        cases.extend([
            case(
                format!("a row packet of {head} beats where the row has fewer"),
                "a padded row: takes it whole, keys beyond the row's length are not used",
                "none",
            ),
            case(
                format!("a row packet of fewer than {row} beats"),
                "its output comes out and is worth nothing; the next packet is right",
                "`row_short`",
            ),
            case(
                format!("a row packet of more than {row} beats, but neither of {head} nor more"),
                "the row is right",
                "`row_long`",
            ),
        ]);
    }
    cases.push(case(
        format!("a row packet of more than {head} beats"),
        "the row ends there and is right; beats are dropped up to TLAST",
        "`row_long`",
    ));
    let waits = "one row is lost, so the head waits for another packet: send packets until `HEAD_BLOCKS` of them have come, or do \
                 the [soft reset](#soft-reset)";
    cases.push(case(
        "row packets without TLAST between them",
        format!("they are one packet and give one output; of two, {waits}"),
        "`row_long`, but for the next line",
    ));
    if has_error(map, "row_short") {
        cases.push(case(
            format!("the same, and their beats are {head} together"),
            "the core cannot know them from a padded row: nothing tells but an output that is missing, and `STATUS.head_open`, \
             which stays 1",
            "none",
        ));
    }
    cases
}

/// Packets of queries.
fn queries(c: &Configuration, map: &RegisterMap) -> Vec<[String; 3]> {
    let block = c.query_block;
    let mut cases = Vec::new();
    if has_error(map, "row_short") {
        cases.push(case(
            format!("a query packet of fewer than {block} beats"),
            "the missing queries are filled in, the block's rows come out and are worth nothing; the next packet is right",
            "`row_short`",
        ));
    }
    let (beats, what) = match block {
        1 => ("a beat of queries without TLAST".to_string(), "row"),
        _ => (
            format!("a query packet of more than {block} beats"),
            "block",
        ),
    };
    cases.push(case(
        beats,
        format!(
            "the {what} is right, beats are dropped up to TLAST. If they were packets whose TLAST is missing, the head waits for \
             them: send packets until `HEAD_BLOCKS` of them have come, or do the [soft reset](#soft-reset)"
        ),
        "`row_long`",
    ));
    cases
}

/// What a head is loaded with.
fn heads(c: &Configuration) -> Vec<[String; 3]> {
    let mut cases = vec![case(
        "a value packet of another length than the head",
        "short: the head's rows are worth nothing; long: the surplus is dropped. Two packets without TLAST between them are one: the second head is missing",
        "`value_short`, `value_long`",
    )];
    if c.input == Input::Qkv {
        cases.push(case(
            "a key packet of another length than the head",
            "as with values",
            "`key_short`, `key_long`",
        ));
    }
    cases
}

/// Everything that is not the length of a packet.
fn others(c: &Configuration) -> Vec<[String; 3]> {
    let (load, causal) = (load(c), has_causal(c));
    let mut lengths =
        "`HEAD_KEYS` or `ROW_LENGTH` is 0 or too large, or `HEAD_BLOCKS` is 0".to_string();
    let mut checked = "takes no packet until the registers are legal, which they can always be made; then goes on, and is right"
        .to_string();
    if causal {
        lengths += "; with `MASK.causal`: the head's last row would be longer than `HEAD_KEYS`";
        checked += ". A causal head is checked whole, before its first row";
    }
    let mut locked = "a write to a register that is locked".to_string();
    if causal {
        locked += ", also between the rows of a causal head";
    }
    vec![
        case(lengths, checked, "`bad_length`"),
        case(locked, "ignores it", "`write_locked`"),
        case(
            format!("rows wait, but {load} do not come, or stop within their packet"),
            "waits; after `LOAD_TIMEOUT` cycles without a beat of them it tells; when they come, all is right",
            "`load_timeout`",
        ),
        case(
            "`CONTROL.reset` in the middle of packets",
            "starts anew. Inputs: what is left of a packet is dropped up to its TLAST, also when `reset` is 0 again \
             (`STATUS.dropping`); with `CONTROL.forget` it is forgotten, for senders that were reset too. Output: \
             `m_axis_out_tvalid` can fall without a transfer and a row can lack its end, so the receiver has to be reset too, or \
             to drop what it has of the row",
            "none",
        ),
        case(
            "`rst` in the middle of packets",
            "starts anew and knows of no packet: senders and receiver have to be reset too",
            "none",
        ),
        case(
            "fewer row packets than `HEAD_BLOCKS`",
            "waits for the others: `STATUS.head_open` stays 1",
            "none",
        ),
        case(
            "a receiver that is never ready",
            "stalls, loses nothing",
            "none",
        ),
        case(
            "a beat that is taken back (`tvalid` falls before `tready`)",
            "AXI4-Stream forbids it: nothing is promised",
            "none",
        ),
    ]
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
    notes.push("**Address map.** 512 bytes, 32-bit words; place it at any multiple of 4 KiB. `awprot` and `arprot` are ignored.".into());
    notes.push("**AXI4-Lite timing.** `awready` and `wready` come together, in the cycle after both `awvalid` and `wvalid` are there; `arready` comes in the cycle after `arvalid`; the response in the cycle after that. No output depends on an input of the same cycle. One write and one read at a time: the next one is taken when the response before has been.".into());
    notes.push(format!(
        "**Lengths.** A write to {} holds new packets back for up to two cycles, in which `tready` is low.",
        match has_causal(c) {
            true => "`HEAD_KEYS`, `HEAD_BLOCKS`, `ROW_LENGTH` or `MASK`",
            false => "`HEAD_KEYS`, `HEAD_BLOCKS` or `ROW_LENGTH`",
        }
    ));
    notes.push("**Resets go together.** `rst` for the core alone leaves senders and receivers within packets: reset them with it. For `CONTROL.reset` see [soft reset](#soft-reset).".into());
    notes.push("**Interrupt.** `irq` is a level, in the domain of `clk`.".into());
    notes.push("**Memories** are written as register arrays with a synchronous read, which synthesis puts into block RAM; they have no reset and no initial content.".into());
    notes.iter().map(|note| format!("- {note}\n")).collect()
}
