//! The core's ports by bus, as their names tell.

/// An AXI4-Stream interface of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Prefix of its ports, as in `s_axis_value`.
    pub name: String,
    /// Bits of `tdata`.
    pub bits: u32,
}

impl Stream {
    /// Whether the core sends on it.
    pub fn is_master(&self) -> bool {
        self.name.starts_with("m_")
    }
}

/// The streams among the ports, in their order.
pub fn streams(ports: &[(String, u32)]) -> Vec<Stream> {
    let stream = |(port, bits): &(String, u32)| {
        let name = port.strip_suffix("_tdata")?.to_string();
        Some(Stream { name, bits: *bits })
    };
    ports.iter().filter_map(stream).collect()
}

/// Signals of the AXI4-Lite slave that the core drives.
const DRIVEN: [&str; 9] = [
    "awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid", "irq",
];

/// Whether the core drives a port.
pub fn is_output(port: &str) -> bool {
    let signal = port.rsplit('_').next().unwrap_or(port);
    match (port.starts_with("m_axis_"), port.starts_with("s_axis_")) {
        (true, _) => signal != "tready",
        (_, true) => signal == "tready",
        _ => DRIVEN.contains(&signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_follow_the_names() {
        for output in [
            "irq",
            "s_axil_rdata",
            "s_axis_attn_tready",
            "m_axis_out_tlast",
        ] {
            assert!(is_output(output), "{output}");
        }
        for input in [
            "clk",
            "rst",
            "s_axil_bready",
            "s_axis_attn_tdata",
            "m_axis_out_tready",
        ] {
            assert!(!is_output(input), "{input}");
        }
    }
}
