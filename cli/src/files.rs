//! Output that is there whole or not at all.

use crate::error::Error;
use logattn_studies::profile::PLOT_NAMES;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// File that lists the generated Verilog, one path a line, relative to its directory.
pub const FILE_LIST: &str = "files.f";
/// File that lists everything that a generation wrote, one path a line.
pub const MANIFEST: &str = "MANIFEST";
/// File with the configuration that a directory was generated from.
pub const CONFIGURATION: &str = "configuration.toml";
/// Folder of a generated directory with the Verilog of a second unit, with list and configuration.
pub const QKV_FOLDER: &str = "qkv";
/// What the demo adds to a generated directory.
pub const DEMO_FILES: [&str; 3] = ["demo.json", "demo.png", "demo.svg"];
/// What a profile consists of, besides its plots. Where the first of them is, one was written.
pub const PROFILE_FILES: [&str; 4] = ["profile.json", "profile.csv", "profile.md", "profile.html"];

/// What an analysis consists of. Where the first of them is, one was written.
pub const ANALYSIS_FILES: [&str; 13] = [
    "analysis.json",
    "histogram.csv",
    "histogram.svg",
    "histogram.png",
    "sparsity.csv",
    "sparsity.svg",
    "sparsity.png",
    "threshold.csv",
    "threshold.svg",
    "threshold.png",
    "bits.csv",
    "bits.svg",
    "bits.png",
];

/// A file in the making, beside where it will be. Made before the work that fills it, so that an
/// unwritable place is told at once.
pub struct PendingFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl PendingFile {
    /// A file that will be at `path`.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn new(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            let reason = std::io::Error::other("is a directory");
            return Err(Error::write(path)(reason));
        }
        let file = ordinary(0o666)
            .tempfile_in(parent(path))
            .map_err(Error::write(path))?;
        Ok(PendingFile {
            file,
            path: path.into(),
        })
    }

    /// Puts the file in its place with these contents.
    ///
    /// # Errors
    /// It cannot be written; what was there before still is.
    pub fn finish(mut self, contents: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(contents)
            .map_err(Error::write(&self.path))?;
        self.file
            .persist(&self.path)
            .map_err(|error| Error::write(&self.path)(error.error))?;
        Ok(())
    }
}

/// A directory in the making, beside where it will be.
pub struct PendingDirectory {
    staged: TempDir,
    target: PathBuf,
    /// Files of the target that stay although nothing of ours wrote them.
    kept: Vec<PathBuf>,
}

impl PendingDirectory {
    /// A directory that will be at `target`, in place of what an earlier generation left there.
    ///
    /// # Arguments
    /// - `force`: files of others may be there; they stay, unless they have a generated name.
    ///
    /// # Errors
    /// [`Error::Occupied`] without `force`; [`Error::Write`] where nothing can be written.
    pub fn new(target: &Path, force: bool) -> Result<Self, Error> {
        // `.` and `..` have no name beside which something could be staged.
        let target = match target.canonicalize() {
            Ok(existing) if !existing.is_dir() => {
                let reason = std::io::Error::other("is not a directory");
                return Err(Error::write(target)(reason));
            }
            Ok(existing) => existing,
            Err(_) => target.to_path_buf(),
        };
        let kept = foreign_files(&target)?;
        if let (Some(first), false) = (kept.first(), force) {
            return Err(Error::Occupied {
                directory: target,
                foreign: first.display().to_string(),
            });
        }
        let folder = parent(&target);
        fs::create_dir_all(&folder).map_err(Error::write(&target))?;
        let staged = ordinary(0o777)
            .tempdir_in(&folder)
            .map_err(Error::write(&target))?;
        Ok(PendingDirectory {
            staged,
            target,
            kept,
        })
    }

    /// Where to write now.
    pub fn path(&self) -> &Path {
        self.staged.path()
    }

    /// Writes one file, given by its path in the directory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), Error> {
        let path = self.path().join(name);
        fs::create_dir_all(parent(&path)).map_err(Error::write(self.target.join(name)))?;
        fs::write(&path, contents).map_err(Error::write(self.target.join(name)))
    }

    /// Puts the directory in its place.
    ///
    /// # Errors
    /// It cannot be written; what was there before still is.
    pub fn finish(self) -> Result<(), Error> {
        let PendingDirectory {
            staged,
            target,
            kept,
        } = self;
        for file in kept
            .iter()
            .filter(|file| !staged.path().join(file).exists())
        {
            let to = staged.path().join(file);
            fs::create_dir_all(parent(&to))
                .and_then(|()| fs::copy(target.join(file), to))
                .map_err(Error::write(target.join(file)))?;
        }
        if !target.exists() {
            return fs::rename(staged.path(), &target).map_err(Error::write(&target));
        }
        let old = ordinary(0o777)
            .tempdir_in(parent(&target))
            .map_err(Error::write(&target))?;
        let aside = old.path().join("old");
        fs::rename(&target, &aside).map_err(Error::write(&target))?;
        fs::rename(staged.path(), &target).map_err(|error| {
            // Nothing more can be done if this fails as well.
            let _ = fs::rename(&aside, &target);
            Error::write(&target)(error)
        })
    }
}

/// Temporary files and directories with the permissions of ordinary ones.
///
/// # Arguments
/// - `mode`: the permissions less those that the user's mask takes away: 0o666 for a file.
fn ordinary(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".logattn-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// The directory that holds `path`.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => PathBuf::from("."),
    }
}

/// The files of a generation in a folder of `directory`, by their paths in `directory`; none if
/// there was none.
fn generated_files(directory: &Path, folder: &str) -> BTreeSet<PathBuf> {
    let read = |name: &str| fs::read_to_string(directory.join(folder).join(name));
    let all = read(MANIFEST).unwrap_or_default();
    let list = read(FILE_LIST).unwrap_or_default();
    if list.is_empty() {
        return BTreeSet::new();
    }
    list.lines()
        .chain(all.lines())
        .chain([FILE_LIST, CONFIGURATION, MANIFEST])
        .map(|name| Path::new(folder).join(name))
        .collect()
}

/// The files below `directory`, by their paths in it, that no earlier generation wrote.
fn foreign_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut ours = generated_files(directory, "");
    if !ours.is_empty() {
        ours.extend(DEMO_FILES.map(PathBuf::from));
        ours.extend(generated_files(directory, QKV_FOLDER));
    }
    if directory.join(PROFILE_FILES[0]).is_file() {
        ours.extend(PROFILE_FILES.map(PathBuf::from));
        ours.extend(PLOT_NAMES.map(|name| PathBuf::from(format!("{name}.svg"))));
    }
    if directory.join(ANALYSIS_FILES[0]).is_file() {
        ours.extend(ANALYSIS_FILES.map(PathBuf::from));
    }
    let mut foreign = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let at = directory.join(&folder);
        for entry in fs::read_dir(&at).map_err(Error::read(&at))? {
            let entry = entry.map_err(Error::read(&at))?;
            let name = folder.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                folders.push(name);
            } else if !ours.contains(&name) {
                foreign.push(name);
            }
        }
    }
    foreign.sort();
    Ok(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn generate(target: &Path, module: &str, force: bool) -> Result<(), Error> {
        let directory = PendingDirectory::new(target, force)?;
        directory.write(&format!("rtl/{module}.v"), b"module")?;
        directory.write(FILE_LIST, format!("rtl/{module}.v\n").as_bytes())?;
        directory.finish()
    }

    #[test]
    fn a_generation_replaces_an_earlier_one_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("deep/out");
        generate(&target, "a", false).unwrap();
        generate(&target, "b", false).unwrap();
        assert_eq!(files(&target.join("rtl")), ["b.v"]);
        fs::write(target.join("rtl/notes.txt"), "mine").unwrap();
        let refused = generate(&target, "c", false).unwrap_err();
        assert!(matches!(refused, Error::Occupied { foreign, .. } if foreign == "rtl/notes.txt"));
        assert_eq!(files(&target.join("rtl")), ["b.v", "notes.txt"]);
        generate(&target, "c", true).unwrap();
        assert_eq!(files(&target.join("rtl")), ["c.v", "notes.txt"]);
        assert_eq!(files(&root.path().join("deep")), ["out"]);
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("result.json");
        drop(PendingFile::new(&path).unwrap());
        assert_eq!(files(root.path()), [""; 0]);
        PendingFile::new(&path).unwrap().finish(b"{}").unwrap();
        assert_eq!(files(root.path()), ["result.json"]);
        assert!(PendingFile::new(root.path()).is_err());
        assert!(PendingFile::new(&path.join("below a file")).is_err());
    }
}
