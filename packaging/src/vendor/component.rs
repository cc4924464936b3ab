//! IP-XACT (IEEE 1685-2014): ports, buses, registers and files of the core.

use super::ports::{Stream, is_output, streams};
use crate::fusesoc::vlnv;
use crate::{Contents, PackagingError};
use logattn_hdl::attention_core::{Access, Field, Register};
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;
use std::io;

const NAMESPACE: &str = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014";
const SCHEMA: &str = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014/index.xsd";
/// The last register ends below it.
const RANGE: u32 = 1 << logattn_hdl::attention_core::ADDRESS_BITS;

/// Signals of AXI4-Lite, as its bus definition names them.
const AXI4_LITE: [&str; 19] = [
    "AWADDR", "AWPROT", "AWVALID", "AWREADY", "WDATA", "WSTRB", "WVALID", "WREADY", "BRESP",
    "BVALID", "BREADY", "ARADDR", "ARPROT", "ARVALID", "ARREADY", "RDATA", "RRESP", "RVALID",
    "RREADY",
];
const AXI4_STREAM: [&str; 4] = ["TDATA", "TLAST", "TVALID", "TREADY"];

type Written = io::Result<()>;

/// Elements of the namespace, one in the other.
struct Document {
    writer: Writer<Vec<u8>>,
}

impl Document {
    /// An element with attributes and whatever `inside` writes.
    fn with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self) -> Written,
    ) -> Written {
        let start = quick_xml::events::BytesStart::new(format!("ipxact:{name}"))
            .with_attributes(attributes.iter().copied());
        let end = start.to_end().into_owned();
        self.writer.write_event(Event::Start(start.borrow()))?;
        inside(self)?;
        self.writer.write_event(Event::End(end))
    }

    fn group(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> Written) -> Written {
        self.with(name, &[], inside)
    }

    /// An element of text.
    fn text(&mut self, name: &str, text: &str) -> Written {
        self.group(name, |d| {
            d.writer.write_event(Event::Text(BytesText::new(text)))
        })
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> Written {
        let start = quick_xml::events::BytesStart::new(format!("ipxact:{name}"))
            .with_attributes(attributes.iter().copied());
        self.writer.write_event(Event::Empty(start))
    }

    /// A reference to a definition: vendor, library, name, version.
    fn reference(&mut self, element: &str, [vendor, library, name, version]: [&str; 4]) -> Written {
        let attributes = [
            ("vendor", vendor),
            ("library", library),
            ("name", name),
            ("version", version),
        ];
        self.empty(element, &attributes)
    }

    fn port_map(&mut self, logical: &str, physical: &str) -> Written {
        self.group("portMap", |d| {
            d.group("logicalPort", |d| d.text("name", logical))?;
            d.group("physicalPort", |d| d.text("name", physical))
        })
    }

    fn parameter(&mut self, id: &str, name: &str, value: &str) -> Written {
        self.with("parameter", &[("parameterId", id)], |d| {
            d.text("name", name)?;
            d.text("value", value)
        })
    }
}

/// The component's document.
pub(super) fn component(contents: &Contents) -> Result<String, PackagingError> {
    let mut d = Document {
        writer: Writer::new_with_indent(Vec::new(), b' ', 2),
    };
    write(&mut d, contents)?;
    Ok(String::from_utf8_lossy(&d.writer.into_inner()).into_owned() + "\n")
}

fn write(d: &mut Document, contents: &Contents) -> Written {
    let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
    d.writer.write_event(Event::Decl(declaration))?;
    let note = format!(
        "{}\nChecked against the schema of IEEE 1685-2014 and read back by PeakRDL's IP-XACT importer;\nno vendor's packager was at hand.",
        contents.origin()
    );
    d.writer
        .write_event(Event::Comment(BytesText::from_escaped(format!(" {note} "))))?;
    let location = format!("{NAMESPACE} {SCHEMA}");
    let attributes = [
        ("xmlns:ipxact", NAMESPACE),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("xsi:schemaLocation", location.as_str()),
    ];
    d.with("component", &attributes, |d| body(d, contents))
}

fn body(d: &mut Document, contents: &Contents) -> Written {
    let streams = streams(&contents.export.ports);
    // As FuseSoC calls the core.
    let names = ["vendor", "library", "name", "version"];
    for (name, text) in names.into_iter().zip(vlnv(contents).split(':')) {
        d.text(name, text)?;
    }
    d.group("busInterfaces", |d| {
        axi4_lite(d)?;
        for stream in &streams {
            axi4_stream(d, stream)?;
        }
        clock(d, &streams)?;
        reset(d)?;
        interrupt(d)
    })?;
    d.group("memoryMaps", |d| memory_map(d, &contents.map.registers))?;
    model(d, contents)?;
    d.group("fileSets", |d| file_sets(d, contents))?;
    let description = format!(
        "Attention of the configuration {}: registers on AXI4-Lite, data on AXI4-Stream.",
        contents.configuration.name
    );
    d.text("description", &description)
}

/// Name, type and port maps of a bus interface; `inside` writes what follows.
fn interface(
    d: &mut Document,
    name: &str,
    [bus, abstraction]: [[&str; 4]; 2],
    maps: &[(String, String)],
    inside: impl FnOnce(&mut Document) -> Written,
) -> Written {
    d.group("busInterface", |d| {
        d.text("name", name)?;
        d.reference("busType", bus)?;
        d.group("abstractionTypes", |d| {
            d.group("abstractionType", |d| {
                d.reference("abstractionRef", abstraction)?;
                d.group("portMaps", |d| {
                    maps.iter()
                        .try_for_each(|(logical, physical)| d.port_map(logical, physical))
                })
            })
        })?;
        inside(d)
    })
}

/// Port maps of a bus with its clock. Its reset is not mapped: the bus's is low active, ours high.
fn bus_maps(prefix: &str, signals: &[&str]) -> Vec<(String, String)> {
    let port = |signal: &&str| {
        let port = format!("{prefix}_{}", signal.to_ascii_lowercase());
        (signal.to_string(), port)
    };
    let clock = ("ACLK".to_string(), "clk".to_string());
    signals.iter().map(port).chain([clock]).collect()
}

fn axi4_lite(d: &mut Document) -> Written {
    let kinds = ["AXI4-Lite", "AXI4-Lite_rtl"].map(|name| ["amba.com", "AMBA4", name, "r0p0_0"]);
    interface(d, "s_axil", kinds, &bus_maps("s_axil", &AXI4_LITE), |d| {
        d.group("slave", |d| {
            d.empty("memoryMapRef", &[("memoryMapRef", "registers")])
        })
    })
}

fn axi4_stream(d: &mut Document, stream: &Stream) -> Written {
    let kinds = ["AXI4Stream", "AXI4Stream_rtl"].map(|name| ["amba.com", "AMBA4", name, "r0p0_1"]);
    let maps = bus_maps(&stream.name, &AXI4_STREAM);
    interface(d, &stream.name, kinds, &maps, |d| {
        let role = if stream.is_master() {
            "master"
        } else {
            "slave"
        };
        d.empty(role, &[])
    })
}

/// A one-wire interface of the kind that packagers associate clocks and resets by.
fn wire(
    d: &mut Document,
    port: &str,
    kind: [&str; 2],
    role: &str,
    values: &[(&str, &str)],
) -> Written {
    let [name, logical] = kind;
    let abstraction = format!("{name}_rtl");
    let kinds = [name, &abstraction].map(|name| ["xilinx.com", "signal", name, "1.0"]);
    let maps = [(logical.to_string(), port.to_string())];
    interface(d, port, kinds, &maps, |d| {
        d.empty(role, &[])?;
        if values.is_empty() {
            return Ok(());
        }
        d.group("parameters", |d| {
            let mut values = values.iter();
            values.try_for_each(|(name, value)| d.parameter(&format!("{port}_{name}"), name, value))
        })
    })
}

fn clock(d: &mut Document, streams: &[Stream]) -> Written {
    let buses: Vec<&str> = ["s_axil"]
        .into_iter()
        .chain(streams.iter().map(|stream| stream.name.as_str()))
        .collect();
    let values = [
        ("ASSOCIATED_BUSIF", buses.join(":")),
        ("ASSOCIATED_RESET", "rst".to_string()),
    ];
    let values = values
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    wire(d, "clk", ["clock", "CLK"], "slave", &values)
}

fn reset(d: &mut Document) -> Written {
    wire(
        d,
        "rst",
        ["reset", "RST"],
        "slave",
        &[("POLARITY", "ACTIVE_HIGH")],
    )
}

fn interrupt(d: &mut Document) -> Written {
    let values = [("SENSITIVITY", "LEVEL_HIGH")];
    wire(d, "irq", ["interrupt", "INTERRUPT"], "master", &values)
}

fn memory_map(d: &mut Document, registers: &[Register]) -> Written {
    d.group("memoryMap", |d| {
        d.text("name", "registers")?;
        d.group("addressBlock", |d| {
            d.text("name", "registers")?;
            d.text("baseAddress", "'h0")?;
            d.text("range", &format!("'h{RANGE:X}"))?;
            d.text("width", "32")?;
            d.text("usage", "register")?;
            registers.iter().try_for_each(|one| register(d, one))
        })?;
        d.text("addressUnitBits", "8")
    })
}

fn register(d: &mut Document, register: &Register) -> Written {
    d.group("register", |d| {
        d.text("name", &register.name)?;
        d.text("description", &register.doc)?;
        d.text("addressOffset", &format!("'h{:X}", register.offset))?;
        d.text("size", "32")?;
        d.text("access", access(register.writable()))?;
        register.fields.iter().try_for_each(|one| field(d, one))
    })
}

fn access(writable: bool) -> &'static str {
    if writable { "read-write" } else { "read-only" }
}

fn field(d: &mut Document, field: &Field) -> Written {
    let by_hardware = matches!(field.access, Access::Status | Access::WriteOneToClear);
    let by_software = matches!(field.access, Access::ReadWrite | Access::WriteOneToClear);
    d.group("field", |d| {
        d.text("name", &field.name)?;
        d.text("description", &field.doc)?;
        d.text("bitOffset", &field.low.to_string())?;
        if field.access != Access::Status {
            d.group("resets", |d| {
                d.group("reset", |d| {
                    d.text("value", &format!("'h{:X}", field.reset))
                })
            })?;
        }
        d.text("bitWidth", &field.width.to_string())?;
        d.text("volatile", if by_hardware { "true" } else { "false" })?;
        d.text("access", access(by_software))?;
        match field.access {
            Access::WriteOneToClear => d.text("modifiedWriteValue", "oneToClear"),
            _ => Ok(()),
        }
    })
}

fn model(d: &mut Document, contents: &Contents) -> Written {
    d.group("model", |d| {
        d.group("views", |d| {
            d.group("view", |d| {
                d.text("name", "rtl")?;
                d.text("envIdentifier", "verilogSource::")?;
                d.text("componentInstantiationRef", "verilog")
            })
        })?;
        d.group("instantiations", |d| {
            d.group("componentInstantiation", |d| {
                d.text("name", "verilog")?;
                d.text("language", "verilog")?;
                d.text("moduleName", &contents.export.top)?;
                d.group("fileSetRef", |d| d.text("localName", "rtl"))?;
                d.group("fileSetRef", |d| d.text("localName", "constraints"))
            })
        })?;
        d.group("ports", |d| {
            let mut ports = contents.export.ports.iter();
            ports.try_for_each(|(name, width)| port(d, name, *width))
        })
    })
}

fn port(d: &mut Document, name: &str, width: u32) -> Written {
    d.group("port", |d| {
        d.text("name", name)?;
        d.group("wire", |d| {
            d.text("direction", if is_output(name) { "out" } else { "in" })?;
            if width == 1 {
                return Ok(());
            }
            d.group("vectors", |d| {
                d.group("vector", |d| {
                    d.text("left", &(width - 1).to_string())?;
                    d.text("right", "0")
                })
            })
        })
    })
}

fn file_sets(d: &mut Document, contents: &Contents) -> Written {
    let name = &contents.configuration.name;
    let verilog = contents.export.files.iter();
    let verilog: Vec<_> = verilog
        .map(|file| (format!("../rtl/{}", file.name), "verilogSource"))
        .collect();
    file_set(d, "rtl", &verilog)?;
    let constraints = ["xdc", "sdc"].map(|end| (format!("../constraints/{name}.{end}"), end));
    let constraints = constraints.map(|(path, end)| {
        let kind = if end == "sdc" { "SDC" } else { "user" };
        (path, kind)
    });
    file_set(d, "constraints", &constraints)?;
    let software = [
        (format!("../sw/{name}_registers.h"), "cSource"),
        ("../sw/logattn.h".to_string(), "cSource"),
        ("../sw/logattn.c".to_string(), "cSource"),
    ];
    file_set(d, "software", &software)
}

fn file_set(d: &mut Document, name: &str, files: &[(String, &str)]) -> Written {
    d.group("fileSet", |d| {
        d.text("name", name)?;
        files.iter().try_for_each(|(path, kind)| {
            d.group("file", |d| {
                d.text("name", path)?;
                match *kind {
                    "user" => d.with("fileType", &[("user", "xdc")], |d| {
                        d.writer.write_event(Event::Text(BytesText::new("user")))
                    }),
                    kind => d.text("fileType", kind),
                }
            })
        })
    })
}
