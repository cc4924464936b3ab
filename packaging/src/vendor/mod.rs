//! What vendors' tools take: constraints, synthesis scripts, IP-XACT.

mod component;
mod ports;

pub(crate) use ports::{Stream, streams};

use crate::templates::render;
use crate::{Contents, PackagedFile, PackagingError};
use minijinja::context;

/// Clock period of the constraints, in ns: one that all named configurations reach on current parts.
const PERIOD: &str = "10.000";

/// Template and path of each text file; `NAME` is the configuration's.
const TEMPLATES: [(&str, &str); 4] = [
    (
        "vivado/synthesize.tcl",
        include_str!("../../templates/vendor/vivado.tcl"),
    ),
    (
        "quartus/synthesize.tcl",
        include_str!("../../templates/vendor/quartus.tcl"),
    ),
    (
        "constraints/NAME.xdc",
        include_str!("../../templates/vendor/constraints.xdc"),
    ),
    (
        "constraints/NAME.sdc",
        include_str!("../../templates/vendor/constraints.sdc"),
    ),
];

/// The files for vendors' tools.
///
/// # Errors
/// A template or the IP-XACT document cannot be written: a defect of the generator.
pub fn vendor(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let name = &contents.configuration.name;
    let values = context! {
        comment => contents.origin().replace('\n', "\n# "),
        name,
        top => &contents.export.top,
        period => PERIOD,
        vivado_part => "xczu7ev-ffvc1156-2-e",
        quartus_family => "Cyclone 10 GX",
        quartus_device => "10CX220YF780I5G",
    };
    let mut files = Vec::new();
    for (path, template) in TEMPLATES {
        let text = render(template, &values)?;
        files.push(PackagedFile::new(path.replace("NAME", name), text));
    }
    files.push(PackagedFile::new(
        "ip-xact/component.xml",
        component::component(contents)?,
    ));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contents;
    use quick_xml::events::Event;
    use quick_xml::reader::Reader;

    #[test]
    fn every_port_and_register_is_in_the_component() {
        for name in ["nano", "nano_qkv", "server", "paper"] {
            let contents = contents(name);
            let files = vendor(&contents).unwrap();
            let component = files.iter().find(|file| file.path.ends_with(".xml"));
            let mut reader = Reader::from_str(&component.unwrap().text);
            let mut texts = Vec::new();
            loop {
                match reader.read_event().unwrap() {
                    Event::Text(text) => texts.push(text.to_string()),
                    Event::Eof => break,
                    _ => {}
                }
            }
            let ports = contents.export.ports.iter().map(|(port, _)| port);
            let registers = contents.map.registers.iter().map(|register| &register.name);
            for wanted in ports.chain(registers) {
                assert!(texts.contains(wanted), "{name}: {wanted}");
            }
        }
    }

    #[test]
    fn no_template_leaves_braces() {
        for file in vendor(&contents("nano")).unwrap() {
            assert!(!file.text.contains("{{"), "{}", file.path);
        }
    }
}
