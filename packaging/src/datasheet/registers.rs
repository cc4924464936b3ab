//! Register and error tables, and how the core is programmed.

use super::markdown::Table;
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input};
use logattn_hdl::attention_core::{Access, Field, Lock, Register, RegisterMap, has_causal};

fn access(field: &Field) -> &'static str {
    match field.access {
        Access::Constant | Access::Status => "ro",
        Access::ReadWrite => "rw",
        Access::WriteOneToClear => "w1c",
    }
}

fn lock(register: &Register) -> &'static str {
    match register.lock {
        Lock::Free => "",
        Lock::Rows => "busy",
        Lock::Head => "head_open",
    }
}

fn bits(field: &Field) -> String {
    match field.width {
        1 => field.low.to_string(),
        width => format!("{}:{}", field.low + width - 1, field.low),
    }
}

/// The register table.
pub(super) fn registers(map: &RegisterMap) -> String {
    let causal = match map.register("MASK") {
        Some(_) => " Those locked by `busy` are locked within an unfinished causal head as well.",
        None => "",
    };
    let mut table = Table::new(&[
        "offset",
        "register",
        "bits",
        "field",
        "access",
        ">reset",
        "locked by",
        "meaning",
    ]);
    for register in &map.registers {
        let offset = format!("0x{:03x}", register.offset);
        let name = format!("`{}`", register.name);
        for (index, field) in register.fields.iter().enumerate() {
            let [offset, name, lock] = match index {
                0 => [&offset, &name, lock(register)].map(str::to_string),
                _ => Default::default(),
            };
            let field_name = match field.name.as_str() {
                "value" => String::new(),
                other => format!("`{other}`"),
            };
            table.row([
                offset,
                name,
                bits(field),
                field_name,
                access(field).into(),
                reset(field),
                lock,
                meaning(field),
            ]);
        }
    }
    format!(
        "All registers are 32 bits wide, offsets are in bytes. Bits that are not listed read 0 and ignore what is written. \
         `wstrb` is honored. An address without a register, and a write to a register without a writable field, is \
         answered with SLVERR. A register with a lock ignores writes while that bit of `STATUS` is set; the response is \
         OKAY and `ERRORS.write_locked` tells.{causal} `rst` brings all registers to their reset values, `CONTROL.reset` leaves \
         them as they are.\n\n{table}\n\
         ro: read only; rw: read and write; w1c: set by the core, cleared by writing 1.\n"
    )
}

fn reset(field: &Field) -> String {
    match (field.access, field.width) {
        (Access::Status, _) => "-".into(),
        (Access::Constant, 32) => format!("0x{:08x}", field.reset),
        _ => field.reset.to_string(),
    }
}

/// Signed thresholds say their value as well.
fn meaning(field: &Field) -> String {
    let doc = &field.doc;
    let signed = doc.ends_with(", signed");
    let negative = field.width < 32 && field.reset >> (field.width - 1) & 1 == 1;
    if signed && negative {
        let value = i64::from(field.reset) - (1_i64 << field.width);
        return format!("{doc} (reset: {value})");
    }
    doc.clone()
}

/// Whether bit `name` of `ERRORS` is there.
pub(super) fn has_error(map: &RegisterMap, name: &str) -> bool {
    let mut errors = map.register("ERRORS").into_iter();
    errors.any(|register| register.fields.iter().any(|field| field.name == name))
}

/// What a head is loaded with.
pub(super) fn load(c: &Configuration) -> &'static str {
    match c.input {
        Input::Qkv => "values or keys",
        Input::Probabilities | Input::Scores => "values",
    }
}

/// What the core does when a bit of `ERRORS` is set, and what software has to do.
fn recovery(c: &Configuration, error: &str) -> String {
    let beat = c.keys_per_beat;
    let text = match error {
        "row_short" if c.input == Input::Qkv => {
            "missing queries are filled in; the block's rows come out and are worth nothing; send on: the next packet is right"
        }
        "row_short" => "the row comes out and is worth nothing; send on: the next packet is right",
        "row_long" if c.input == Input::Qkv => {
            "the packet ends with the last query it may have, and its rows are right; surplus beats are dropped. Packets \
             without TLAST between them are one: if one was lost in this way, the head waits until `HEAD_BLOCKS` \
             packets have come, or for the soft reset"
        }
        "row_long" => {
            return format!(
                "the row is right; it ends at ceil(HEAD_KEYS / {beat}) beats at the latest, and surplus beats are dropped. Packets without \
                 TLAST between them are one: if a row was lost in this way, the head waits until `HEAD_BLOCKS` packets \
                 have come, or for the soft reset"
            );
        }
        "value_short" | "key_short" => {
            "the head's rows come out and are worth nothing; the next head is right"
        }
        "value_long" | "key_long" => "surplus beats are dropped; the head is right",
        "bad_length" => {
            "no packet is taken; write legal lengths, which no lock prevents here, and all goes on and is right"
        }
        "score_overflow" => {
            "the score is the largest or smallest that there is; choose a larger `SCORE_SHIFT` or scale the queries"
        }
        "write_locked" => "the register keeps its value; write again when the lock is open",
        "load_timeout" => {
            return format!(
                "rows wait on; send the {} or the rest of them, and all is right; or do the soft reset",
                load(c)
            );
        }
        _ => "",
    };
    text.into()
}

/// The error table.
pub(super) fn errors(c: &Configuration, map: &RegisterMap) -> String {
    let mut table = Table::new(&[
        ">bit",
        "error",
        "set when",
        "what the core does, and recovery",
    ]);
    for field in map
        .register("ERRORS")
        .iter()
        .flat_map(|register| &register.fields)
    {
        table.row([
            field.low.to_string(),
            format!("`{}`", field.name),
            field.doc.clone(),
            recovery(c, &field.name),
        ]);
    }
    format!(
        "An error stays set until 1 is written to its bit of `ERRORS`; while it is set and its bit of `IRQ_ENABLE` is 1, \
         `irq` is high. `bad_length` holds packets back; no other error stops the core.\n\n{table}\n{CONTROL_RESET}"
    )
}

/// What `CONTROL.reset` does.
const CONTROL_RESET: &str = "\
`CONTROL.reset` = 1 at any time starts the unit anew: counters are 0, rows in flight are lost, beats that come are taken and \
dropped. A packet that has begun by then is dropped up to its TLAST, also after `reset` is 0 again; `STATUS.dropping` is 1 as long \
as the rest of such a packet, or of one that was too long, is awaited on a stream. `CONTROL.forget` = 1 together with `reset` makes \
the core forget such packets: what comes next on each stream begins a packet. That is for senders that were reset as well. \
The reset can take back `m_axis_out_tvalid` and cut a row, so the receiver has to be reset too. \
[Soft reset](#soft-reset) has the sequence.\n";

/// The sequence that ends with an idle core, whatever was before.
const SOFT_RESET: &str = "\
### Soft reset

This brings the core to a fresh start with its registers as they are, whatever came before.

1. Stop the senders after the packets they have begun.
2. Write 3 to `CONTROL` (`reset` and `enable`).
3. Wait until the packets begun have ended: the senders are done and `STATUS.dropping` is 0. If one cannot end its packet: reset \
the senders and write 7 to `CONTROL` (`forget` as well).
4. Reset the receiver of `m_axis_out`, or have it drop what it has of a row: `tvalid` can have been taken back, and a row can lack \
its end.
5. Clear `ERRORS`, write 1 to `CONTROL`, and send whole heads.
";

/// The programming sequence.
pub(super) fn programming(c: &Configuration) -> String {
    let causal = has_causal(c);
    let mut lengths = vec![
        "`HEAD_KEYS`: keys of a head",
        "`HEAD_BLOCKS`: row packets of a head",
        "`ROW_LENGTH`: keys of a row",
    ];
    if causal {
        lengths.push("`MASK.causal`: each row has a key more than the one before");
    }
    if c.input == Input::Qkv {
        lengths.push("`SCORE_SHIFT`: right shift of Q K^T to scores");
    }
    let lengths: String = lengths
        .iter()
        .map(|line| format!("   - {line}\n"))
        .collect();
    let weights = match c.accumulate {
        Accumulate::Multiply => None,
        Accumulate::Bucket => Some(
            "If other thresholds or levels than the configured ones are wanted: write `THRESHOLD_i`, `LEVEL_i`.",
        ),
        Accumulate::Shift | Accumulate::Sorted => Some(
            "If other thresholds or shifts than the configured ones are wanted: write `THRESHOLD_i`, `SHIFT_i`.",
        ),
    };
    let send = match c.input {
        Input::Qkv => "a packet of keys, a packet of values, and `HEAD_BLOCKS` packets of queries",
        _ => "a packet of values and `HEAD_BLOCKS` packets of rows",
    };
    let outputs = match c.query_block {
        1 => "as many packets of outputs as rows".to_string(),
        block => format!("{block} packets of outputs a row packet"),
    };
    let between = match causal {
        true => "between rows (of a causal head: between heads)",
        false => "between rows",
    };
    let steps = [
        Some("After `rst` the core takes nothing: `CONTROL.enable` is 0. Check `ID` (0x4C41544E) and `CONFIGURATION`.".into()),
        Some("Write 0xFFFFFFFF to `ERRORS` if it is not 0; write `IRQ_ENABLE` if interrupts are wanted.".into()),
        Some(format!("Write the lengths:\n{}", lengths.trim_end())),
        weights.map(str::to_string),
        Some("Write 1 to `CONTROL` (`enable`).".into()),
        Some(format!("Send {send}; take {outputs}.")),
        Some("Heads of the same lengths follow back to back without any write.".into()),
        Some(format!(
            "To reprogram: wait until `STATUS.busy` and `STATUS.head_open` are 0, write, send on. Registers locked by `busy` can \
             be written {between}, those locked by `head_open` between heads.",
        )),
        Some("After an error: read `ERRORS`, do as its row in the table says, clear the bit. When in doubt: the soft reset.".into()),
    ];
    let mut text = String::new();
    for (index, step) in steps.iter().flatten().enumerate() {
        text += &format!("{}. {step}\n", index + 1);
    }
    format!("{text}\n{SOFT_RESET}")
}
