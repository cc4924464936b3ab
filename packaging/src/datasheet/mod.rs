//! The core's datasheet: Markdown, the same as one HTML file, and its drawings.

mod area;
mod block_diagram;
mod html;
mod latency;
mod markdown;
mod notes;
mod numbers;
mod overview;
mod performance;
mod ports;
mod registers;
mod streams;
mod svg;
mod waves;

#[cfg(test)]
mod tests;

use crate::{Contents, PackagedFile, PackagingError};
use logattn_hdl::attention_core::attention_core;
use logattn_hdl::netlist::Module;
use markdown::anchor;
use std::collections::HashMap;
use waves::Wave;

/// The files of `doc/` that make up the datasheet.
///
/// # Errors
/// The configuration is not valid; or the core does not do what the timing diagrams show.
pub fn datasheet(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let c = &contents.configuration;
    let core = attention_core(c)?;
    let (diagrams, latencies) = waves::simulate(c, &contents.map, &core)?;
    let text = Text {
        contents,
        core: &core,
        diagrams: &diagrams,
    };
    let markdown = text.markdown(&latencies)?;
    let mut drawings = vec![(
        "block_diagram.svg".to_string(),
        block_diagram::block_diagram(c),
    )];
    let mut files = Vec::new();
    for wave in diagrams {
        files.push(PackagedFile::new(
            format!("doc/waves/{}.json", wave.name),
            wave.json,
        ));
        drawings.push((format!("waves/{}.svg", wave.name), wave.svg));
    }
    let title = format!("{}_attention_core", c.name);
    let by_path: HashMap<String, String> = drawings.iter().cloned().collect();
    let page = html::page(&title, &markdown, &by_path);
    files.push(PackagedFile::new("doc/datasheet.md", markdown));
    files.push(PackagedFile::new("doc/datasheet.html", page));
    let drawings = drawings.into_iter();
    files.extend(drawings.map(|(path, svg)| PackagedFile::new(format!("doc/{path}"), svg)));
    Ok(files)
}

/// What the text is made from.
struct Text<'a> {
    contents: &'a Contents,
    core: &'a Module,
    diagrams: &'a [Wave],
}

impl Text<'_> {
    fn markdown(&self, latencies: &[latency::Latency]) -> Result<String, PackagingError> {
        let Contents {
            configuration: c,
            map,
            ..
        } = self.contents;
        let sections = [
            ("What it is", overview::what_it_is(c)),
            ("Features", overview::features(c)),
            (
                "Block diagram",
                "![Block diagram](block_diagram.svg)\n".into(),
            ),
            ("Ports", ports::ports(c)),
            ("Streams", ports::layouts(c)),
            ("Registers", registers::registers(map)),
            ("Errors", registers::errors(c, map)),
            ("Programming", registers::programming(c)),
            ("Timing diagrams", self.timing()),
            (
                "Latency and throughput",
                performance::performance(c, latencies)?,
            ),
            ("Area", area::area(self.core)?),
            ("Numbers", numbers::numbers(c)),
            ("Misuse", notes::misuse(c, map)),
            ("Integration", notes::integration(c)),
        ];
        let links = sections
            .iter()
            .map(|(name, _)| format!("[{name}](#{})", anchor(name)));
        let links: Vec<String> = links.collect();
        let mut text = format!(
            "# {0}_attention_core\n\nAttention with {1} bits a stored attention value, for FPGAs. Configuration \"{0}\" (SHA-256 {2}), made by logattn {3}.\n\n{4}\n",
            c.name,
            c.stored_code_bits(),
            c.sha256()?,
            env!("CARGO_PKG_VERSION"),
            links.join(" · ")
        );
        for (name, body) in sections {
            text += &format!("\n## {name}\n\n{body}");
        }
        Ok(text)
    }

    fn timing(&self) -> String {
        let mut text = String::from(
            "What the ports of the core's netlist did under short stimuli, cycle by cycle; the sources for WaveDrom are in \
             `waves/`. Values in a column are those at the rising edge that ends it. Beats are named by their stream, packet and \
             place: A1.0 is the first beat of the second packet. Where two strokes are, cycles are left out in which nothing but \
             the beat changes; the row `cycle` counts on.\n\n",
        );
        for wave in self.diagrams {
            let Wave { name, caption, .. } = wave;
            text += &format!("{caption}\n\n![{name}](waves/{name}.svg)\n\n");
        }
        text
    }
}
