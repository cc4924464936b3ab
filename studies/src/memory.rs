//! Whether something fits into this machine's memory.

use crate::Error;
use crate::available::{available_memory, readable_bytes};
use std::fs;
use std::path::Path;

/// Memory that a capture takes for each byte of its file: the file, and int8 tensors made F32.
const CAPTURE_FACTOR: u64 = 6;

/// That a capture's file can be read.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn check_capture_file(path: &Path) -> Result<(), Error> {
    // Reading it says what is wrong with a file that has no size.
    let bytes = fs::metadata(path).map_or(0, |file| file.len());
    check(&path.display().to_string(), bytes * CAPTURE_FACTOR)
}

/// That `need` bytes are available; passes where the system does not say.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn check(file: &str, need: u64) -> Result<(), Error> {
    match available_memory() {
        Some(available) if need > available => Err(Error::TooLarge {
            file: file.to_string(),
            need: readable_bytes(need),
            available: readable_bytes(available),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told() {
        assert!(check("small", 1).is_ok());
        let refused = check("huge.safetensors", u64::MAX).unwrap_err().to_string();
        assert!(refused.starts_with("huge.safetensors: needs about 18446744073.7 GB"));
        assert!(refused.contains("shards of fewer layers"));
    }
}
