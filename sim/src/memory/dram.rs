//! External memory: bursts and open pages.

use super::MemoryError;
use serde::Serialize;
use std::ops::Range;

/// Shape and speed of the external memory, one channel.
///
/// The default is a 16-bit channel of LPDDR5 (JEDEC JESD209-5) in bank-group mode with bursts of
/// 32: 64 bytes a burst, pages of 2 KiB, 16 banks. Others: LPDDR4 (JESD209-4), 16 bits, bursts of
/// 16: 32 bytes, 2 KiB, 8 banks; DDR4 (JESD79-4), 64 bits made of x8 devices, bursts of 8: 64
/// bytes, 8 KiB, 16 banks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DramOptions {
    /// Bytes of a burst, of which no part can be left out: a power of two, 8..=4096.
    pub burst_bytes: u32,
    /// Bytes of a page (DRAM row), which are open at a time in a bank: a power of two,
    /// burst_bytes..=65536.
    pub page_bytes: u32,
    /// Banks, each with one open page: 1..=1024.
    pub banks: u32,
    /// Bytes moved in a cycle of the unit's clock when the memory is busy: 1/1024 to 65536.
    /// What is sustained: the model knows no time for row activations and refresh. The default of
    /// 16 is 1.6 GB/s at 100 MHz (the peak of 16 bits of DDR3-800).
    pub bytes_per_cycle: f64,
}

impl Default for DramOptions {
    fn default() -> Self {
        DramOptions {
            burst_bytes: 64,
            page_bytes: 2048,
            banks: 16,
            bytes_per_cycle: 16.0,
        }
    }
}

impl DramOptions {
    /// Checks every option.
    ///
    /// # Errors
    /// [`MemoryError::Option`] for the first one outside its range, with value and range.
    pub fn validate(&self) -> Result<(), MemoryError> {
        let sizes = [
            (
                "burst_bytes",
                self.burst_bytes,
                8..=4096,
                "a power of two, 8..=4096",
            ),
            (
                "page_bytes",
                self.page_bytes,
                self.burst_bytes..=65536,
                "a power of two, burst_bytes..=65536",
            ),
        ];
        for (field, value, range, legal) in sizes {
            if !value.is_power_of_two() || !range.contains(&value) {
                return Err(option(field, value, legal));
            }
        }
        if !(1..=1024).contains(&self.banks) {
            return Err(option("banks", self.banks, "1..=1024"));
        }
        let rate = self.bytes_per_cycle;
        if !(1.0 / 1024.0..=65536.0).contains(&rate) {
            return Err(option("bytes_per_cycle", rate, "1/1024 to 65536"));
        }
        Ok(())
    }

    /// Cycles that `bytes` take.
    pub(super) fn cycles(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.bytes_per_cycle).ceil() as u64
    }

    /// `bytes` rounded up to whole bursts, in bursts.
    pub(super) fn bursts(&self, bytes: u64) -> u64 {
        bytes.div_ceil(u64::from(self.burst_bytes).max(1))
    }
}

fn option(field: &'static str, value: impl ToString, legal: &'static str) -> MemoryError {
    MemoryError::Option {
        field,
        value: value.to_string(),
        legal,
    }
}

/// The open pages: page p lies in bank p mod `banks`, and a bank keeps its last page open.
pub(super) struct OpenPages {
    /// The open page of each bank.
    open: Vec<Option<u64>>,
    page_bytes: u64,
    pub activations: u64,
}

impl OpenPages {
    /// All banks closed.
    pub(super) fn new(dram: &DramOptions) -> Self {
        OpenPages {
            open: vec![None; dram.banks.max(1) as usize],
            page_bytes: u64::from(dram.page_bytes).max(1),
            activations: 0,
        }
    }

    /// Accesses a range of addresses in ascending order.
    pub(super) fn access(&mut self, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        let banks = self.open.len() as u64;
        for page in bytes.start / self.page_bytes..=(bytes.end - 1) / self.page_bytes {
            let bank = &mut self.open[(page % banks) as usize];
            if *bank != Some(page) {
                *bank = Some(page);
                self.activations += 1;
            }
        }
    }
}
