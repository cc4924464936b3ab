//! Simulator against Verilated unit, both in one run on one core: the same cycles of `base` on
//! real attention. Prints cycles a second of each and their ratio.
//!
//! `cargo bench -p logattn-testbenches --bench speed`

use criterion::{Criterion, Throughput};
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_sim::{Ports, simulate};
use logattn_testbenches::unit::verilated_unit;
use logattn_testbenches::verilator::{PowerUp, Verilator, default_cache_directory};
use logattn_testbenches::{Head, Stimulus, captured_head, run};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Seconds of the fastest of `times` calls.
fn fastest(times: usize, mut call: impl FnMut()) -> f64 {
    let measure = || {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(measure)
        .take(times)
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let name = std::env::var("LOGATTN_BENCH_CONFIG").unwrap_or_else(|_| "base".into());
    let c = Configuration::named(&name).expect("a named configuration");
    let capture = Capture::demo();
    let heads: Result<Vec<Head>, _> = (0..8)
        .map(|head| captured_head(&capture, &c, head, usize::MAX))
        .collect();
    let stimulus = Stimulus::new(&c, &heads.expect("fits")).expect("fits");
    let mut criterion = Criterion::default()
        .configure_from_args()
        .measurement_time(Duration::from_secs(8));
    let mut group = criterion.benchmark_group(&name);
    group.sample_size(10);
    let mut speeds = Vec::new();
    for (stalls, ports) in [("free", Ports::free()), ("stalled", Ports::random(1, 64))] {
        let cycles = simulate(&c, &stimulus.workload, &ports)
            .expect("simulates")
            .counted_at();
        group.throughput(Throughput::Elements(cycles));
        let mut simulated = || {
            drop(black_box(simulate(
                &c,
                black_box(&stimulus.workload),
                &ports,
            )))
        };
        group.bench_function(format!("simulator, {stalls}"), |b| b.iter(&mut simulated));
        let simulator = cycles as f64 / fastest(20, &mut simulated);
        let verilator = Verilator::find().expect("Verilator");
        let mut device = verilated_unit(
            &verilator,
            &c,
            false,
            PowerUp::Zero,
            &default_cache_directory(),
        )
        .expect("builds");
        let mut cosim = || {
            black_box(run(&mut device, &stimulus, &ports).expect("equal"));
        };
        group.bench_function(format!("co-simulation, {stalls}"), |b| b.iter(&mut cosim));
        speeds.push((stalls, simulator, cycles as f64 / fastest(5, &mut cosim)));
    }
    group.finish();
    for (stalls, simulator, cosim) in speeds {
        println!(
            "{name}, ports {stalls}: simulator {:.1} M cycles/s, co-simulation with comparison {:.3} M cycles/s, ratio {:.0}",
            simulator / 1e6,
            cosim / 1e6,
            simulator / cosim
        );
    }
}
