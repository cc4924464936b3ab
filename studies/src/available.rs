//! How much memory there is to take.

use std::fs;

/// Bytes that can be taken without swapping: what the system calls available, or what a limit of
/// the control group leaves if that is less. `None` where neither is told (other than on Linux).
pub fn available_memory() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| of_meminfo(&text));
    let number = |path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limit = number("/sys/fs/cgroup/memory.max");
    let group = limit
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(limit, used)| limit.saturating_sub(used));
    system.into_iter().chain(group).min()
}

/// The line `MemAvailable`, which is in KiB.
fn of_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Bytes for a message: "17.2 GB", "345 kB", "12 bytes"; powers of ten.
pub fn readable_bytes(bytes: u64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let value = bytes as f64;
    match units.iter().find(|(_, size)| value >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", value / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_available_memory() {
        let text = "MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   20480 kB\n";
        assert_eq!(of_meminfo(text), Some(20 * 1024 * 1024));
        assert_eq!(of_meminfo("MemTotal: 100 kB\n"), None);
        assert_eq!(of_meminfo("MemAvailable: much\n"), None);
    }

    #[test]
    fn bytes_in_the_largest_unit() {
        let texts = [12, 2_000, 345_600, 17_180_000_000].map(readable_bytes);
        assert_eq!(texts, ["12 bytes", "2.0 kB", "345.6 kB", "17.2 GB"]);
    }
}
