//! The port tables.

use super::markdown::Table;
use super::streams::streams;
use logattn_golden::Configuration;
use logattn_hdl::attention_core::ADDRESS_BITS;

/// The ports of the AXI4-Lite slave: name, bits, whether they go into the core, meaning.
const REGISTER_PORTS: [(&str, u32, bool, &str); 19] = [
    ("awaddr", ADDRESS_BITS, true, "byte address of a write"),
    ("awprot", 3, true, "not used"),
    ("awvalid", 1, true, "address is valid"),
    ("awready", 1, false, "address is taken"),
    ("wdata", 32, true, "data of a write"),
    ("wstrb", 4, true, "which bytes of it are written"),
    ("wvalid", 1, true, "data are valid"),
    ("wready", 1, false, "data are taken"),
    (
        "bresp",
        2,
        false,
        "0 OKAY; 2 SLVERR: no such register, or a read-only one",
    ),
    ("bvalid", 1, false, "response is valid"),
    ("bready", 1, true, "response is taken"),
    ("araddr", ADDRESS_BITS, true, "byte address of a read"),
    ("arprot", 3, true, "not used"),
    ("arvalid", 1, true, "address is valid"),
    ("arready", 1, false, "address is taken"),
    ("rdata", 32, false, "data of a read"),
    ("rresp", 2, false, "0 OKAY; 2 SLVERR: no such register"),
    ("rvalid", 1, false, "data are valid"),
    ("rready", 1, true, "data are taken"),
];

fn direction(into_core: bool) -> String {
    if into_core { "in" } else { "out" }.into()
}

/// All ports.
pub(super) fn ports(c: &Configuration) -> String {
    let mut table = Table::new(&["port", ">bits", "", "meaning"]);
    let mut port = |name: String, bits: u32, into: bool, meaning: &str| {
        let name = format!("`{name}`");
        table.row([name, bits.to_string(), direction(into), meaning.to_string()]);
    };
    port(
        "clk".into(),
        1,
        true,
        "the clock: everything moves at its rising edge",
    );
    port(
        "rst".into(),
        1,
        true,
        "reset, synchronous, active high; one cycle is enough",
    );
    port(
        "irq".into(),
        1,
        false,
        "high while an error is set that `IRQ_ENABLE` allows",
    );
    for (name, bits, into, meaning) in REGISTER_PORTS {
        port(format!("s_axil_{name}"), bits, into, meaning);
    }
    for stream in streams(c) {
        let (name, into) = (stream.name, stream.into_core);
        port(format!("{name}_tdata"), stream.bits, into, &stream.beat);
        port(format!("{name}_tlast"), 1, into, "last beat of the packet");
        port(format!("{name}_tvalid"), 1, into, "beat is valid");
        port(format!("{name}_tready"), 1, !into, "beat is taken");
    }
    format!(
        "Streams are AXI4-Stream: a beat moves in every cycle in which `tvalid` and `tready` are high. There is no \
         `tkeep`, `tstrb`, `tid`, `tdest` or `tuser`. Element 0 is in the lowest bits.\n\n{table}"
    )
}

/// What stands in a beat and in a packet of each stream.
pub(super) fn layouts(c: &Configuration) -> String {
    let mut text = String::new();
    for stream in streams(c) {
        let mut table = Table::new(&["bits of `tdata`", "what"]);
        for (bits, what) in &stream.layout {
            table.row([bits, what]);
        }
        let direction = if stream.into_core { "input" } else { "output" };
        text += &format!(
            "### `{}`\n\n{} bits, {direction}. A beat: {}. A packet: {}.\n\n{table}\n",
            stream.name, stream.bits, stream.beat, stream.packet
        );
    }
    text += &order(c);
    text
}

/// In which order things come.
fn order(c: &Configuration) -> String {
    let passes = c.passes();
    let rows = match c.query_block {
        1 => "Rows leave in the order in which they came".to_string(),
        block => format!(
            "Rows leave in the order in which they came, the {block} rows of a block one after the other, a packet each"
        ),
    };
    let by_pass = if passes > 1 {
        format!(
            "; each is computed in {passes} passes over its survivors, so its first {} elements can leave before the others are there",
            c.lanes
        )
    } else {
        String::new()
    };
    format!(
        "{rows}{by_pass}. Heads follow each other: the first `HEAD_BLOCKS` row packets belong to the first head of values, \
         the next ones to the second. The streams are independent: rows may come before their head's values and wait.\n"
    )
}
