//! Compiling what Verilator wrote, on all cores, and linking it into a shared library.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    error::{VerilatorError, io_error},
    tool::{log_tail, program, start_tool},
};

/// Below this much C++ one compiler run is quicker than two: reading the headers takes as long.
const SPLIT_BYTES: u64 = 100_000;
/// Most C++ in one compiler run, for its memory's sake.
const UNIT_BYTES: u64 = 1_000_000;

/// Flags of every compilation. `-O3` and `-march=native` gave no gain beyond the noise on a
/// 64-lane unit; without unique symbols, models cannot share state by accident.
pub(super) const FLAGS: [&str; 11] = [
    "-O2",
    "-std=gnu++17",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-pthread",
    "-w",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVL_TIME_CONTEXT",
    "-DVM_TRACE_FST=0",
];

/// What a model writes while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// Nothing.
    None,
    /// Waves (VCD).
    Waves,
    /// Changes of each net, counted (SAIF).
    Activity,
}

impl Trace {
    /// Name of Verilator's header and source for it, without extension.
    fn source(self) -> Option<&'static str> {
        match self {
            Trace::None => None,
            Trace::Waves => Some("verilated_vcd_c"),
            Trace::Activity => Some("verilated_saif_c"),
        }
    }

    /// Ending that tells built files of one kind from those of another.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Trace::None => "",
            Trace::Waves => "-waves",
            Trace::Activity => "-activity",
        }
    }
}

/// A C++ compiler and the flags of one kind of build.
pub(super) struct Compiler {
    program: String,
    arguments: Vec<String>,
    include: PathBuf,
    trace: Trace,
}

impl Compiler {
    /// The compiler named in `CXX`, else `c++`, for models that write `trace`, with Verilator's
    /// headers in `include`.
    pub(super) fn new(include: PathBuf, trace: Trace) -> Compiler {
        let named = env::var("CXX").unwrap_or_default();
        let mut words = named.split_whitespace().map(str::to_string);
        Compiler {
            program: words.next().unwrap_or_else(|| "c++".to_string()),
            arguments: words.collect(),
            include,
            trace,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// The first line of `--version`, which names the compiler in cache keys.
    pub(super) fn version(&self) -> Result<String, VerilatorError> {
        let mut command = self.command();
        let answer = self.run(command.arg("--version"), "telling its version")?;
        Ok(answer.lines().next().unwrap_or_default().to_string())
    }

    fn run(&self, command: &mut Command, doing: &str) -> Result<String, VerilatorError> {
        let output = start_tool(command, "g++")?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(VerilatorError::ToolFailed {
            tool: program(command),
            doing: doing.to_string(),
            log: log_tail(&output),
        })
    }

    /// A compilation, still without input and output.
    fn compilation(&self) -> Command {
        let mut command = self.command();
        let on = |trace: bool| u8::from(trace);
        command
            .args(FLAGS)
            .arg(format!("-DVM_TRACE={}", on(self.trace != Trace::None)))
            .arg(format!("-DVM_TRACE_VCD={}", on(self.trace == Trace::Waves)))
            .arg(format!(
                "-DVM_TRACE_SAIF={}",
                on(self.trace == Trace::Activity)
            ))
            .arg("-I")
            .arg(&self.include)
            .arg("-I")
            .arg(self.include.join("vltstd"));
        command
    }

    /// Builds Verilator's run-time library into `directory`: objects and a precompiled header.
    /// It takes several times as long as a small model and is the same for all.
    pub(super) fn runtime(&self, directory: &Path) -> Result<(), VerilatorError> {
        let header = directory.join(RUNTIME_HEADER);
        let trace = self.trace.source();
        let trace = trace.map_or_else(String::new, |name| format!("#include \"{name}.h\"\n"));
        fs::write(&header, format!("#include \"verilated.h\"\n{trace}"))
            .map_err(io_error(&header))?;
        let mut commands = Vec::new();
        for name in self.runtime_sources() {
            let mut command = self.compilation();
            command
                .arg("-c")
                .arg(self.include.join(name).with_extension("cpp"));
            command
                .arg("-o")
                .arg(directory.join(name).with_extension("o"));
            commands.push(command);
        }
        let mut precompile = self.compilation();
        precompile.args(["-x", "c++-header"]).arg(&header).arg("-o");
        precompile.arg(header.with_extension("h.gch"));
        commands.push(precompile);
        self.run_all(commands, "building Verilator's run-time library")
    }

    fn runtime_sources(&self) -> impl Iterator<Item = &'static str> {
        let always = ["verilated", "verilated_threads"];
        always.into_iter().chain(self.trace.source())
    }

    /// Compiles every C++ file in `directory`, without optimization if `quick`, and links it with
    /// the run-time library in `runtime` to the shared library `output`.
    pub(super) fn model(
        &self,
        directory: &Path,
        runtime: &Path,
        quick: bool,
        output: &Path,
    ) -> Result<(), VerilatorError> {
        let mut objects = Vec::new();
        let mut commands = Vec::new();
        for (index, files) in units(directory)?.iter().enumerate() {
            let unit = directory.join(format!("unit_{index}.cc"));
            let text: String = files
                .iter()
                .map(|file| format!("#include \"{file}\"\n"))
                .collect();
            let pragma = if quick { QUICK } else { "" };
            fs::write(&unit, format!("{pragma}{text}")).map_err(io_error(&unit))?;
            let object = unit.with_extension("o");
            let mut command = self.compilation();
            command.arg("-include").arg(runtime.join(RUNTIME_HEADER));
            command
                .arg("-I")
                .arg(directory)
                .arg("-c")
                .arg(&unit)
                .arg("-o")
                .arg(&object);
            commands.push(command);
            objects.push(object);
        }
        self.run_all(commands, "compiling the model")?;
        for name in self.runtime_sources() {
            objects.push(runtime.join(name).with_extension("o"));
        }
        let mut link = self.command();
        link.args(["-shared", "-s", "-pthread", "-Wl,--gc-sections"])
            .args(objects);
        self.run(link.arg("-o").arg(output), "linking the model")
            .map(drop)
    }

    /// Runs commands on all cores; the first error ends it.
    fn run_all(&self, commands: Vec<Command>, doing: &str) -> Result<(), VerilatorError> {
        let workers = cores().min(commands.len());
        let next = AtomicUsize::new(0);
        let slots: Vec<Mutex<Command>> = commands.into_iter().map(Mutex::new).collect();
        let work = || -> Result<(), VerilatorError> {
            while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
                // Each slot is taken by one worker only, so the lock is always free.
                let mut command = slot.lock().unwrap_or_else(|poison| poison.into_inner());
                if let Err(error) = self.run(&mut command, doing) {
                    next.store(slots.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            handles
                .into_iter()
                .try_for_each(|handle| match handle.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })
    }
}

/// Ends optimization from here on. The flag `-O0` would do the same, but not go with a header that
/// was precompiled with `-O2`.
const QUICK: &str = "#pragma GCC optimize (\"O0\")\n";

/// Name of the header that every compilation includes first, in precompiled form.
const RUNTIME_HEADER: &str = "runtime.h";

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The `.cpp` files in `directory`, grouped into compiler runs of about the same size.
fn units(directory: &Path) -> Result<Vec<Vec<String>>, VerilatorError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(io_error(directory))? {
        let entry = entry.map_err(io_error(directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            files.push((
                entry.metadata().map_err(io_error(entry.path()))?.len(),
                name,
            ));
        }
    }
    Ok(balance(files, cores()))
}

/// Groups (size, name) into at least `cores` groups if that pays, the largest first onto the
/// lightest group.
fn balance(mut files: Vec<(u64, String)>, cores: usize) -> Vec<Vec<String>> {
    files.sort_by(|a, b| b.cmp(a));
    let total: u64 = files.iter().map(|(size, _)| size).sum();
    let wanted = if total < SPLIT_BYTES { 1 } else { cores };
    let groups = wanted
        .max(total.div_ceil(UNIT_BYTES) as usize)
        .clamp(1, files.len().max(1));
    let mut balanced = vec![(0, Vec::new()); groups];
    for (size, name) in files {
        if let Some((load, names)) = balanced.iter_mut().min_by_key(|(load, _)| *load) {
            *load += size;
            names.push(name);
        }
    }
    balanced.into_iter().map(|(_, names)| names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(sizes: &[u64]) -> Vec<(u64, String)> {
        sizes
            .iter()
            .enumerate()
            .map(|(i, &size)| (size, format!("f{i}")))
            .collect()
    }

    #[test]
    fn a_small_model_is_one_compiler_run() {
        assert_eq!(balance(files(&[10_000, 20_000, 1_000]), 8).len(), 1);
    }

    #[test]
    fn a_larger_one_is_spread_evenly_over_the_cores() {
        let groups = balance(files(&[150_000, 90_000, 50_000, 10_000]), 2);
        assert_eq!(groups, [vec!["f0"], vec!["f1", "f2", "f3"]]);
    }

    #[test]
    fn a_huge_one_is_cut_into_more_runs_than_cores() {
        assert_eq!(balance(files(&[900_000; 10]), 2).len(), 9);
    }
}
