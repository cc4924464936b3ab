//! Cycles on the whole demo capture against the bound of every named configuration.

use logattn_captures::Capture;
use logattn_golden::{Configuration, NAMES, TWIN_NAMES};
use logattn_sim::{Ports, simulate};
use logattn_testbenches::{Head, Stimulus, captured_head};

/// The unit needs at most 3 % more than max(ceil(N / W), survivors) cycles a row, the first head's
/// load and the last row's way out included: those are the cycles that co-simulation confirms.
#[test]
fn steady_state_is_within_three_percent_of_the_bound() {
    let capture = Capture::demo();
    for name in NAMES.iter().chain(&TWIN_NAMES) {
        let c = Configuration::named(name).expect("known");
        let heads: Vec<Head> = (0..capture.heads())
            .step_by(3)
            .map(|head| captured_head(&capture, &c, head, usize::MAX).expect("fits"))
            .collect();
        let workload = Stimulus::new(&c, &heads).expect("fits").workload;
        let cycles = simulate(&c, &workload, &Ports::free())
            .expect("simulates")
            .counted_at();
        let bound: u64 = workload.costs().map(|cost| cost.bound()).sum();
        let blocks = workload.costs().count();
        println!(
            "{name}: {:.2} cycles a block of rows, bound {:.2}, ratio {:.4}",
            cycles as f64 / blocks as f64,
            bound as f64 / blocks as f64,
            cycles as f64 / bound as f64
        );
        assert!(
            cycles as f64 <= 1.03 * bound as f64,
            "{name}: {cycles} cycles, bound {bound}"
        );
    }
}
