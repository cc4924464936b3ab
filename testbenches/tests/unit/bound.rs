//! Cycles on the demo capture (every third head) against the bound of every named configuration.

use crate::common::all_names;
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_sim::{Ports, simulate, trace};
use logattn_testbenches::{Head, Stimulus, captured_head};

/// The aim is 3 % over max(ceil(N / W), survivors x D / lanes) cycles a row, whatever the input;
/// the named configurations stay within 1 %, sorted ones with the levels that a row leaves empty
/// included, and so are the first head's load and the last row's way out. Co-simulation confirms
/// such cycles.
#[test]
fn steady_state_is_within_one_percent_of_the_bound() {
    let capture = Capture::demo();
    for name in all_names() {
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
            cycles as f64 <= 1.01 * bound as f64,
            "{name}: {cycles} cycles, bound {bound}"
        );
        // What no queue can beat: one beat in and one visit a cycle.
        let (beats, visits) = workload.costs().fold((0, 0), |(beats, visits), cost| {
            (beats + cost.beats, visits + cost.visits)
        });
        assert!(
            cycles >= beats.max(visits),
            "{name}: {cycles} cycles, {beats} beats, {visits} visits"
        );
        let fast = simulate(&c, &workload, &Ports::free())
            .expect("simulates")
            .transfers;
        let traced = trace(&c, &workload, &Ports::free())
            .expect("simulates")
            .transfers;
        assert_eq!(fast, traced, "{name}");
    }
}
