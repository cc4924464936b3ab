//! Verilog to shared library, cached by content.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    compile::{Compiler, FLAGS, Trace},
    error::{VerilatorError, io_error},
    lint::write_sources,
    shim::{self, PREFIX},
    tool::{Verilator, run},
};

/// Environment variable that names the directory for built models.
pub const CACHE_VARIABLE: &str = "LOGATTN_CACHE";

/// Verilator's options for every model. Power-up values are drawn when a model is loaded
/// ([`super::PowerUp`]), which costs no speed.
const OPTIONS: [&str; 11] = [
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "unique",
    "--timescale",
    "1ns/1ns",
    "--no-timing",
    "--prefix",
    PREFIX,
];

/// A port of the top module that the caller drives or reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// Name as in the Verilog.
    pub name: String,
    /// Width in bits, at least 1.
    pub width: u32,
}

impl PortSpec {
    /// A port `name` of `width` bits.
    pub fn new(name: impl Into<String>, width: u32) -> PortSpec {
        PortSpec {
            name: name.into(),
            width,
        }
    }
}

/// What to build.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildRequest<'a> {
    /// Name of the top module.
    pub top: &'a str,
    /// File name and text of every source; a file is named after its module.
    pub sources: &'a [(String, String)],
    /// The ports that the caller needs; may be fewer than the module has.
    pub ports: &'a [PortSpec],
    /// Whether the model can write waves (it runs much slower while they are open, and a
    /// little slower while not).
    pub waves: bool,
    /// Whether what the model writes as waves are the changes of each net, counted (SAIF), instead
    /// of VCD; needs Verilator 5.040 or newer.
    pub activity: bool,
    /// Whether `-Wall` warnings are let through. Only for text that is broken on purpose or that
    /// another tool wrote; otherwise a warning fails the build.
    pub allow_warnings: bool,
    /// Whether the compiler leaves the model as it is: for large models that play few cycles,
    /// which take a third of the time to build and several times as long to run.
    pub quick: bool,
}

impl BuildRequest<'_> {
    /// What the model writes.
    fn trace(&self) -> Trace {
        match (self.activity, self.waves) {
            (true, _) => Trace::Activity,
            (false, true) => Trace::Waves,
            (false, false) => Trace::None,
        }
    }
}

/// Where built models are kept: `LOGATTN_CACHE`, else `target/verilated` of the source tree,
/// else (the source tree is gone) a directory among the system's temporary files.
pub fn default_cache_directory() -> PathBuf {
    if let Some(named) = env::var_os(CACHE_VARIABLE) {
        return PathBuf::from(named);
    }
    match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
        Some(root) if root.is_dir() => root.join("target/verilated"),
        _ => env::temp_dir().join("logattn-verilated"),
    }
}

impl Verilator {
    /// Builds a model, or finds it in `cache`, and gives the shared library's path. Equal
    /// requests give equal paths; several threads and processes may share a cache, and each
    /// library in it is complete.
    ///
    /// # Errors
    /// [`VerilatorError::ToolFailed`] with the log's end if Verilator or the compiler refuses
    /// the text, [`VerilatorError::ToolMissing`] without a C++ compiler,
    /// [`VerilatorError::UnknownPort`] and [`VerilatorError::PortWidth`] if the Verilog's ports
    /// are not the requested ones, [`VerilatorError::SourceName`] and [`VerilatorError::Io`].
    pub fn build(
        &self,
        request: &BuildRequest<'_>,
        cache: &Path,
    ) -> Result<PathBuf, VerilatorError> {
        fs::create_dir_all(cache).map_err(io_error(cache))?;
        let compiler = Compiler::new(self.include_directory()?, request.trace());
        let tools = format!("{}\n{}\n{FLAGS:?}", self.version(), compiler.version()?);
        let runtime_name = digest(&[&tools, self.executable().to_string_lossy().as_ref()]);
        let kind = request.trace().suffix();
        let name = format!(
            "{}-{}{kind}.so",
            request.top,
            request_digest(request, &tools)
        );
        once(cache, &name, |temporary| {
            let work = tempfile::tempdir_in(cache).map_err(io_error(cache))?;
            self.verilate(request, work.path())?;
            let runtime = once(
                cache,
                &format!("runtime-{runtime_name}{kind}"),
                |directory| {
                    fs::create_dir(directory).map_err(io_error(directory))?;
                    compiler.runtime(directory)
                },
            )?;
            compiler.model(work.path(), &runtime, request.quick, temporary)
        })
    }

    /// Writes the model's C++ and the shim into `directory`.
    fn verilate(&self, request: &BuildRequest<'_>, directory: &Path) -> Result<(), VerilatorError> {
        let names = write_sources(directory, request.sources)?;
        let mut command = self.command();
        command.current_dir(directory).args(OPTIONS).args([
            "--Mdir",
            ".",
            "--top-module",
            request.top,
        ]);
        // Wide buses are what one wants to see; the default leaves out those over 256 bits.
        match request.trace() {
            Trace::None => &mut command,
            Trace::Waves => command.args(["--trace", "--trace-max-width", "0"]),
            Trace::Activity => command.args(["--trace-saif", "--trace-max-width", "0"]),
        };
        if request.allow_warnings {
            command.args(["-Wno-lint", "-Wno-style", "-Wno-fatal"]);
        } else {
            command.arg("-Wall");
        }
        command.args(names);
        run(&mut command, &format!("translating `{}`", request.top))?;
        let header = directory.join(PREFIX).with_extension("h");
        let header = fs::read_to_string(&header).map_err(io_error(&header))?;
        check_ports(request, &header)?;
        let ports: Vec<&str> = request
            .ports
            .iter()
            .map(|port| port.name.as_str())
            .collect();
        let shim_file = directory.join("shim.cpp");
        fs::write(&shim_file, shim::text(&ports)).map_err(io_error(&shim_file))
    }
}

fn check_ports(request: &BuildRequest<'_>, header: &str) -> Result<(), VerilatorError> {
    let found = shim::ports_of_header(header);
    for port in request.ports {
        let (top, name) = (request.top.to_string(), port.name.clone());
        match found.get(&port.name) {
            None => return Err(VerilatorError::UnknownPort { top, name }),
            Some(&found) if found != port.width => {
                let expected = port.width;
                return Err(VerilatorError::PortWidth {
                    top,
                    name,
                    expected,
                    found,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Gives `cache/name`, made by `make` if it is not there. `make` writes to a temporary path,
/// which is then renamed, so nobody sees half of it; a lock keeps others from the same work.
fn once(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), VerilatorError>,
) -> Result<PathBuf, VerilatorError> {
    let path = cache.join(name);
    if path.exists() {
        return Ok(path);
    }
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(io_error(&lock_path))?;
    lock.lock().map_err(io_error(&lock_path))?;
    if path.exists() {
        return Ok(path);
    }
    let work = tempfile::tempdir_in(cache).map_err(io_error(cache))?;
    let temporary = work.path().join(name);
    make(&temporary)?;
    fs::rename(&temporary, &path).map_err(io_error(&path))?;
    // Whoever still waits for this lock, or makes a new one, finds the path there. Failing to
    // remove it leaves an empty file and nothing else.
    let _ = fs::remove_file(&lock_path);
    Ok(path)
}

/// Names a request by everything that the library depends on.
fn request_digest(request: &BuildRequest<'_>, tools: &str) -> String {
    let options = format!(
        "{OPTIONS:?} {:?} {} {}",
        request.trace(),
        request.allow_warnings,
        request.quick
    );
    let ports: Vec<&str> = request
        .ports
        .iter()
        .map(|port| port.name.as_str())
        .collect();
    let widths = format!("{:?}", request.ports);
    let shim_text = shim::text(&ports);
    let mut parts = vec![tools, &options, &widths, &shim_text, request.top];
    for (name, text) in request.sources {
        parts.extend([name.as_str(), text.as_str()]);
    }
    digest(&parts)
}

/// 16 hexadecimal digits of the parts' SHA-256, each preceded by its length.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
