//! Finished steps, kept on disk by what they depend on.

use crate::error::{Error, io_error};
use sha2::{Digest, Sha256};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Environment variable that names the directory for all that is made once and kept.
pub const CACHE_VARIABLE: &str = "LOGATTN_CACHE";

/// The cache's own directory in the one that [`CACHE_VARIABLE`] names.
const FOLDER: &str = "synthesis";

/// Where finished steps are kept: `synthesis` in `LOGATTN_CACHE`, else in `target` of the source
/// tree, else (the source tree is gone) a directory among the system's temporary files.
pub fn default_cache_directory() -> PathBuf {
    if let Some(named) = env::var_os(CACHE_VARIABLE) {
        return PathBuf::from(named).join(FOLDER);
    }
    match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
        Some(root) if root.is_dir() => root.join("target").join(FOLDER),
        _ => env::temp_dir().join("logattn-synthesis"),
    }
}

/// The steps of one synthesis.
pub(crate) struct Folder {
    path: PathBuf,
    fresh: bool,
}

impl Folder {
    /// The directory `name` in `cache`.
    ///
    /// # Arguments
    /// - `fresh`: what is there already is made again.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(cache: &Path, name: &str, fresh: bool) -> Result<Self, Error> {
        let path = cache.join(name);
        fs::create_dir_all(&path).map_err(io_error(&path))?;
        let path = path.canonicalize().map_err(io_error(&path))?;
        Ok(Folder { path, fresh })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the directory of a step, made by `make` if it is not there. `make` fills a temporary
    /// directory, which is then renamed, so nobody sees half of it; a lock keeps others from the
    /// same work. What a step that failed left behind stays beside it, for its log.
    ///
    /// # Errors
    /// Those of `make`; nothing can be written.
    pub(crate) fn step(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        if path.exists() && !self.fresh {
            return Ok(path);
        }
        let lock_path = self.path.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(io_error(&lock_path))?;
        lock.lock().map_err(io_error(&lock_path))?;
        if path.exists() && !self.fresh {
            return Ok(path);
        }
        let work = tempfile::tempdir_in(&self.path).map_err(io_error(&self.path))?;
        if let Err(error) = make(work.path()) {
            let failed = self.path.join(format!("{name}-failed"));
            let _ = fs::remove_dir_all(&failed);
            return Err(match fs::rename(work.keep(), &failed) {
                Ok(()) => error.moved(&failed),
                Err(_) => error,
            });
        }
        if path.exists() {
            fs::remove_dir_all(&path).map_err(io_error(&path))?;
        }
        fs::rename(work.keep(), &path).map_err(io_error(&path))?;
        // Whoever waits for the lock finds the step there; what is left is an empty file.
        let _ = fs::remove_file(&lock_path);
        Ok(path)
    }
}

impl Error {
    /// The same error after its log was moved into another directory.
    fn moved(self, directory: &Path) -> Error {
        let name = |path: PathBuf| match path.file_name() {
            Some(name) => directory.join(name),
            None => path,
        };
        match self {
            Error::ToolFailed {
                tool,
                doing,
                log,
                tail,
            } => Error::ToolFailed {
                tool,
                doing,
                log: name(log),
                tail,
            },
            Error::Report { path, reason } => Error::Report {
                path: name(path),
                reason,
            },
            other => other,
        }
    }
}

/// 16 hexadecimal digits of the parts' SHA-256, each preceded by its length.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..8])
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_made_once_and_again_if_asked() {
        let cache = tempfile::tempdir().unwrap();
        let write = |text: &'static str| {
            move |directory: &Path| {
                fs::write(directory.join("result"), text).map_err(io_error(directory))
            }
        };
        let folder = Folder::new(cache.path(), "nano", false).unwrap();
        let read = |path: PathBuf| fs::read_to_string(path.join("result")).unwrap();
        assert_eq!(read(folder.step("unit", write("first")).unwrap()), "first");
        assert_eq!(read(folder.step("unit", write("second")).unwrap()), "first");
        let fresh = Folder::new(cache.path(), "nano", true).unwrap();
        assert_eq!(read(fresh.step("unit", write("third")).unwrap()), "third");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_step_that_fails_is_not_there_but_its_log_is() {
        let cache = tempfile::tempdir().unwrap();
        let folder = Folder::new(cache.path(), "nano", false).unwrap();
        let error = folder
            .step("unit", |directory| {
                let log = directory.join("log");
                fs::write(&log, "no").unwrap();
                Err(Error::ToolFailed {
                    tool: "tool".into(),
                    doing: "trying".into(),
                    log,
                    tail: String::new(),
                })
            })
            .unwrap_err();
        let Error::ToolFailed { log, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(fs::read_to_string(log).unwrap(), "no");
        assert!(!folder.path().join("unit").exists());
    }
}
