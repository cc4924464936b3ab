//! Which keys survive, given as a file: published patterns of sparse attention on the unit.

use crate::available::{available_memory, readable_bytes};
use ndarray::Array2;
use ndarray_npy::npy::header::{Header, ReadHeaderError};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use thiserror::Error;

/// NumPy's name for `bool`.
const BOOL: &str = "|b1";

/// Legal form of a mask, for the messages.
const LEGAL: &str =
    "an array of bool, [layers, heads, rows, keys], as numpy.save writes it (true: kept)";

/// Why a mask cannot be used.
#[derive(Debug, Error)]
pub enum MaskError {
    /// The file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is no `.npy` file.
    #[error("{}: no .npy file: {reason}; legal: {LEGAL}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with its header.
        reason: String,
    },
    /// Its elements are of another type.
    #[error("{}: dtype = {found}; legal: {LEGAL}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// Type of its elements as the file has it.
        found: String,
    },
    /// It has another number of dimensions.
    #[error("{}: shape {found:?} has {} dimensions; legal: {LEGAL}", path.display(), found.len())]
    Rank {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A dimension is 0.
    #[error("{}: shape {found:?} holds nothing; legal: at least 1 in each of the 4", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: [usize; 4],
    },
    /// It is stored column by column.
    #[error(
        "{}: stored in Fortran order; legal: C order, as numpy.save(file, \
         numpy.ascontiguousarray(mask)) writes it",
        path.display()
    )]
    Order {
        /// The file.
        path: PathBuf,
    },
    /// It is shorter or longer than its shape says.
    #[error(
        "{}: {found} bytes after the header; legal: {} for shape {shape:?}{}",
        path.display(),
        legal.map_or("fewer than 2^64".to_string(), |legal| legal.to_string()),
        if legal.is_none_or(|legal| *found < legal) { " (truncated?)" } else { "" },
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that are there.
        found: u64,
        /// Bytes that its shape needs; absent if there can be no such file.
        legal: Option<u64>,
        /// Its shape.
        shape: [usize; 4],
    },
    /// A byte is neither 0 nor 1.
    #[error(
        "{}: layer {layer}, head {head}, row {row}, key {key} is {found}; legal: 0 or 1",
        path.display()
    )]
    Value {
        /// The file.
        path: PathBuf,
        /// Layer of the byte.
        layer: usize,
        /// Head of the byte in its layer.
        head: usize,
        /// Row of the byte.
        row: usize,
        /// Key of the byte.
        key: usize,
        /// The byte.
        found: u8,
    },
    /// One head does not fit into memory.
    #[error(
        "{}: a head of {rows} x {keys} needs {}; available: {}. Cut the rows into several files \
         (mask[:, :, a:b]) and run each",
        path.display(),
        readable_bytes(*need),
        readable_bytes(*available)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Rows of a head.
        rows: usize,
        /// Keys of a head.
        keys: usize,
        /// Bytes that a head takes.
        need: u64,
        /// Bytes that are available.
        available: u64,
    },
}

/// A static mask: for each layer, head and row, whether each key survives.
///
/// It stands for thresholds that would prune exactly the other keys. The file is read head by
/// head, so that only the heads in hand take memory.
#[derive(Clone, Debug)]
pub struct StaticMask {
    path: PathBuf,
    shape: [usize; 4],
    /// Where the first element stands in the file, in bytes.
    start: u64,
    file: Arc<Mutex<File>>,
}

impl StaticMask {
    /// Opens a NumPy file of bool, [layers, heads, rows, keys] in C order; true: kept.
    ///
    /// # Errors
    /// Every [`MaskError`] but [`MaskError::Value`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, MaskError> {
        let path = path.as_ref().to_path_buf();
        let read = |source| MaskError::Read {
            path: path.clone(),
            source,
        };
        let mut file = File::open(&path).map_err(read)?;
        let header = header(&path, &mut file)?;
        let start = file.stream_position().map_err(read)?;
        let end = file.metadata().map_err(read)?.len();
        let shape = check_header(&path, &header)?;
        let legal = shape
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size as u64));
        let found = end.saturating_sub(start);
        if legal != Some(found) {
            return Err(MaskError::Length {
                path,
                found,
                legal,
                shape,
            });
        }
        check_need(&path, shape, available_memory())?;
        Ok(StaticMask {
            path,
            shape,
            start,
            file: Arc::new(Mutex::new(file)),
        })
    }

    /// The file, as it was given.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// [layers, heads, rows, keys], each at least 1.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// Bytes that [`StaticMask::codes`] takes for one head: rows x keys.
    pub fn head_bytes(&self) -> u64 {
        let [_, _, rows, keys] = self.shape;
        rows as u64 * keys as u64
    }

    /// [rows, keys]: 1 where a key is kept, 0 where it is pruned.
    ///
    /// # Arguments
    /// - `layer`, `head`: within [`StaticMask::shape`].
    ///
    /// # Errors
    /// The file cannot be read any more ([`MaskError::Read`], which an index out of range is too),
    /// or holds another byte than 0 and 1.
    pub fn codes(&self, layer: usize, head: usize) -> Result<Array2<u8>, MaskError> {
        let read = |source| MaskError::Read {
            path: self.path.clone(),
            source,
        };
        let [layers, heads, rows, keys] = self.shape;
        if layer >= layers || head >= heads {
            let text = format!("no head {head} of layer {layer} in shape {:?}", self.shape);
            return Err(read(io::Error::new(ErrorKind::InvalidInput, text)));
        }
        let mut bytes = vec![0; rows * keys];
        let offset = (layer * heads + head) as u64 * self.head_bytes();
        {
            // Whoever panicked with the file in hand has left nothing behind that matters: every
            // read starts with a seek.
            let mut file = self.file.lock().unwrap_or_else(|held| held.into_inner());
            file.seek(SeekFrom::Start(self.start + offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(read)?;
        }
        if let Some(wrong) = bytes.iter().position(|byte| *byte > 1) {
            return Err(MaskError::Value {
                path: self.path.clone(),
                layer,
                head,
                row: wrong / keys,
                key: wrong % keys,
                found: bytes[wrong],
            });
        }
        Array2::from_shape_vec((rows, keys), bytes)
            .map_err(|error| read(io::Error::other(error.to_string())))
    }
}

/// The header of a `.npy` file.
fn header(path: &Path, file: &mut File) -> Result<Header, MaskError> {
    Header::from_reader(file).map_err(|error| match error {
        // A directory, for one, can be opened but not read.
        ReadHeaderError::Io(source) if source.kind() != ErrorKind::UnexpectedEof => {
            MaskError::Read {
                path: path.into(),
                source,
            }
        }
        ReadHeaderError::Io(_) => MaskError::Format {
            path: path.into(),
            reason: "it ends within the header".to_string(),
        },
        ReadHeaderError::Parse(error) => MaskError::Format {
            path: path.into(),
            reason: error.to_string(),
        },
    })
}

/// The shape, if type, order and rank are right.
fn check_header(path: &Path, header: &Header) -> Result<[usize; 4], MaskError> {
    let path = || path.to_path_buf();
    if header.type_descriptor.as_string().map(String::as_str) != Some(BOOL) {
        return Err(MaskError::Type {
            path: path(),
            found: header.type_descriptor.to_string(),
        });
    }
    let Ok(found) = <[usize; 4]>::try_from(header.shape.as_slice()) else {
        return Err(MaskError::Rank {
            path: path(),
            found: header.shape.clone(),
        });
    };
    if found.contains(&0) {
        return Err(MaskError::Empty {
            path: path(),
            found,
        });
    }
    if header.layout.is_fortran() {
        return Err(MaskError::Order { path: path() });
    }
    Ok(found)
}

/// That a head fits into memory, where it is known how much there is.
fn check_need(path: &Path, shape: [usize; 4], available: Option<u64>) -> Result<(), MaskError> {
    let [_, _, rows, keys] = shape;
    let need = rows as u64 * keys as u64;
    match available {
        Some(available) if need > available => Err(MaskError::TooLarge {
            path: path.into(),
            rows,
            keys,
            need,
            available,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_does_not_fit_states_its_need() {
        let check = |available| check_need(Path::new("m.npy"), [9, 9, 30_000, 40_000], available);
        assert!(check(None).is_ok());
        assert!(check(Some(1_200_000_000)).is_ok());
        let text = check(Some(1_199_999_999)).unwrap_err().to_string();
        let expected = "m.npy: a head of 30000 x 40000 needs 1.2 GB; available: 1.2 GB. Cut the \
                        rows into several files (mask[:, :, a:b]) and run each";
        assert_eq!(text, expected);
    }
}
