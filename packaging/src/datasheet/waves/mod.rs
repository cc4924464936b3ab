//! Timing diagrams: the core's netlist is evaluated under a short stimulus, and what its ports did is
//! written as WaveDrom sources and as SVG. Nothing in them is drawn by hand.

mod bench;
mod description;
mod drawing;
mod measure;
mod recording;

use super::latency::Latency;
use crate::PackagingError;
use bench::Bench;
use description::Diagram;
use logattn_golden::Configuration;
use logattn_golden::config::Input;
use logattn_hdl::attention_core::RegisterMap;
use logattn_hdl::netlist::{Evaluator, Module};
use recording::{Show, diagram, watched};

/// A timing diagram of the datasheet.
pub(super) struct Wave {
    /// Its file's name without an ending.
    pub name: &'static str,
    /// What it shows, a sentence or two.
    pub caption: String,
    /// The source for WaveDrom.
    pub json: String,
    /// The drawing.
    pub svg: String,
}

/// What all stimuli are made from.
struct Scene<'a> {
    c: &'a Configuration,
    map: &'a RegisterMap,
    core: &'a Module,
    /// In which nothing has happened.
    evaluator: Evaluator,
}

/// All timing diagrams of a core, and latencies of its rows.
///
/// # Errors
/// The core does not do what its diagrams show.
pub(super) fn simulate(
    c: &Configuration,
    map: &RegisterMap,
    core: &Module,
) -> Result<(Vec<Wave>, Vec<Latency>), PackagingError> {
    let evaluator = Evaluator::new(core)?;
    let scene = Scene {
        c,
        map,
        core,
        evaluator,
    };
    let waves = vec![
        scene.registers()?,
        scene.load()?,
        scene.rows()?,
        scene.late_last()?,
    ];
    Ok((waves, scene.latencies()?))
}

fn wave(name: &'static str, caption: String, diagram: &Diagram) -> Result<Wave, PackagingError> {
    Ok(Wave {
        name,
        caption,
        json: serde_json::to_string_pretty(diagram)? + "\n",
        svg: drawing::draw(diagram),
    })
}

impl Scene<'_> {
    fn bench(&self, diagram: &'static str) -> Result<Bench, PackagingError> {
        Bench::new(diagram, self.core, self.evaluator.clone())
    }

    fn offset(&self, register: &str) -> u32 {
        let register = self.map.register(register);
        register.map_or(0, |register| register.offset)
    }

    /// Bit `name` of `ERRORS`.
    fn error(&self, name: &str) -> u32 {
        let register = self.map.register("ERRORS");
        let mut fields = register.iter().flat_map(|register| &register.fields);
        let field = fields.find(|field| field.name == name);
        field.map_or(0, |field| field.mask())
    }

    /// The stream that rows come in on, with the letter of its beats.
    fn rows_stream(&self) -> (&'static str, Show) {
        match self.c.input {
            Input::Qkv => ("query", Show::Stream("s_axis_query", 'Q')),
            _ => ("attn", Show::Stream("s_axis_attn", 'A')),
        }
    }

    /// Beats of a row packet of `keys` keys.
    fn row_beats(&self, keys: usize) -> usize {
        match self.c.input {
            Input::Qkv => self.c.query_block,
            _ => self.c.beats(keys),
        }
    }

    /// A core that takes heads of `blocks` row packets with `keys` keys each.
    fn running(
        &self,
        diagram: &'static str,
        keys: usize,
        blocks: u32,
    ) -> Result<Bench, PackagingError> {
        let mut bench = self.bench(diagram)?;
        bench.write(self.offset("HEAD_KEYS"), keys as u32)?;
        bench.write(self.offset("HEAD_BLOCKS"), blocks)?;
        bench.write(self.offset("ROW_LENGTH"), keys as u32)?;
        if self.c.input == Input::Qkv {
            let shift = self
                .c
                .product_bits()
                .saturating_sub(self.c.attention_bits());
            bench.write(self.offset("SCORE_SHIFT"), shift)?;
        }
        bench.write(self.offset("CONTROL"), 1)?;
        Ok(bench)
    }

    /// A head's values, and keys.
    fn send_head(&self, bench: &mut Bench, keys: usize) {
        bench.send("value", keys * self.c.passes(), None, true);
        if self.c.input == Input::Qkv {
            bench.send("key", keys, None, true);
        }
    }

    /// A register is written and read.
    fn registers(&self) -> Result<Wave, PackagingError> {
        let shown = [
            Show::Clock,
            Show::Word("s_axil_awaddr", "s_axil_awvalid"),
            Show::Bit("s_axil_awvalid"),
            Show::Bit("s_axil_awready"),
            Show::Word("s_axil_wdata", "s_axil_wvalid"),
            Show::Word("s_axil_wstrb", "s_axil_wvalid"),
            Show::Bit("s_axil_wvalid"),
            Show::Bit("s_axil_wready"),
            Show::Word("s_axil_bresp", "s_axil_bvalid"),
            Show::Bit("s_axil_bvalid"),
            Show::Bit("s_axil_bready"),
            Show::Space,
            Show::Word("s_axil_araddr", "s_axil_arvalid"),
            Show::Bit("s_axil_arvalid"),
            Show::Bit("s_axil_arready"),
            Show::Word("s_axil_rdata", "s_axil_rvalid"),
            Show::Word("s_axil_rresp", "s_axil_rvalid"),
            Show::Bit("s_axil_rvalid"),
            Show::Bit("s_axil_rready"),
        ];
        let mut bench = self.bench("registers")?;
        bench.watch(&watched(&shown));
        bench.step();
        let timeout = self.offset("LOAD_TIMEOUT");
        bench.write(timeout, 1_000)?;
        bench.step();
        bench.read(timeout)?;
        bench.step();
        let title = "AXI4-Lite: LOAD_TIMEOUT is written and read";
        let caption = format!(
            "A write of 1000 to `LOAD_TIMEOUT` (0x{timeout:03x}), then a read of it. Address and data of a write \
             are taken together, in the cycle after both are there, and the address of a read in the cycle after it is; the \
             response follows in the next, where it finds `bready` or `rready` high and is taken at once."
        );
        wave("registers", caption, &diagram(title, &bench, &shown, 2))
    }

    /// From the first value of a head to its first row.
    fn load(&self) -> Result<Wave, PackagingError> {
        let (stream, row) = self.rows_stream();
        let keys = self.c.keys_per_beat.max(4).min(self.c.max_keys);
        let mut shown = vec![Show::Clock, Show::Stream("s_axis_value", 'V'), Show::Space];
        if self.c.input == Input::Qkv {
            shown.extend([Show::Stream("s_axis_key", 'K'), Show::Space]);
        }
        shown.extend([row, Show::Space, Show::Stream("m_axis_out", 'O')]);
        let mut bench = self.running("load", keys, 1)?;
        bench.watch(&watched(&shown));
        bench.step();
        self.send_head(&mut bench, keys);
        bench.send(stream, self.row_beats(keys), None, true);
        for _ in 0..self.c.query_block {
            bench.until_row_out()?;
        }
        bench.steps(2);
        let title = format!("A head of {keys} keys is loaded, its first row comes out");
        let caption = format!(
            "A head of {keys} keys (`HEAD_KEYS` = `ROW_LENGTH` = {keys}, `HEAD_BLOCKS` = 1) in an \
             idle core: its streams may start together. V0.1 is beat 1 of packet 0 of the values."
        );
        wave("load", caption, &diagram(&title, &bench, &shown, 1))
    }

    /// Two packets of rows into a core with a loaded head, the receiver makes the first wait.
    fn rows(&self) -> Result<Wave, PackagingError> {
        let (stream, row) = self.rows_stream();
        let keys = (3 * self.c.keys_per_beat).min(self.c.max_keys);
        let shown = [
            Show::Clock,
            row,
            Show::Space,
            Show::Stream("m_axis_out", 'O'),
        ];
        let mut bench = self.running("rows", keys, 2)?;
        self.send_head(&mut bench, keys);
        bench.until_sent()?;
        bench.steps(4);
        bench.watch(&watched(&shown));
        bench.step();
        let beats = self.row_beats(keys);
        bench.send(stream, beats, Some((1, 1)), true);
        bench.send(stream, beats, None, true);
        bench.until_offered("m_axis_out")?;
        bench.set("m_axis_out_tready", 0)?;
        bench.steps(2);
        bench.set("m_axis_out_tready", 1)?;
        for _ in 0..2 * self.c.query_block {
            bench.until_row_out()?;
        }
        bench.steps(2);
        let title = format!("Two row packets of {keys} keys back to back");
        let pause = match beats {
            1 => "",
            _ => " The source pauses for a cycle after the first beat.",
        };
        let caption = format!(
            "Two row packets of {keys} keys back to back into a core whose head is loaded.{pause} The \
             receiver takes nothing for two cycles: `tdata` and `tlast` hold."
        );
        wave("rows", caption, &diagram(&title, &bench, &shown, 1))
    }

    /// A row packet whose TLAST is late, with what software sees of it.
    fn late_last(&self) -> Result<Wave, PackagingError> {
        let (stream, row) = self.rows_stream();
        let keys = (2 * self.c.keys_per_beat).min(self.c.max_keys);
        let shown = [
            Show::Clock,
            row,
            Show::Space,
            Show::Stream("m_axis_out", 'O'),
            Show::Space,
            Show::Bit("irq"),
            Show::Word("s_axil_araddr", "s_axil_arvalid"),
            Show::Word("s_axil_rdata", "s_axil_rvalid"),
            Show::Word("s_axil_awaddr", "s_axil_awvalid"),
            Show::Word("s_axil_wdata", "s_axil_wvalid"),
        ];
        let bit = self.error("row_long");
        let mut bench = self.running("late_last", keys, 2)?;
        bench.write(self.offset("IRQ_ENABLE"), bit)?;
        self.send_head(&mut bench, keys);
        bench.until_sent()?;
        bench.steps(4);
        bench.watch(&watched(&shown));
        bench.step();
        let beats = self.row_beats(keys);
        bench.send(stream, beats + 2, None, true);
        bench.send(stream, beats, None, true);
        for _ in 0..2 * self.c.query_block {
            bench.until_row_out()?;
        }
        bench.step();
        bench.read(self.offset("ERRORS"))?;
        bench.write(self.offset("ERRORS"), bit)?;
        bench.steps(3);
        let caption = format!(
            "A row packet with two beats too many: the row ends at beat {}, the others are taken and \
             dropped, `ERRORS.row_long` (0x{bit:x}) raises `irq`. The next packet is right again. \
             Then software reads `ERRORS` and clears the bit.",
            beats - 1
        );
        let title = "TLAST two beats late: row_long";
        wave("late_last", caption, &diagram(title, &bench, &shown, 1))
    }
}
