//! Plays a stimulus on a device and reports the first difference.

mod mismatch;
mod player;

pub use mismatch::Mismatch;

use crate::device::Device;
use crate::stimulus::Stimulus;
use logattn_sim::{Counters, Ports, Run, trace};
use player::{Player, check_beat, check_counters};

/// What a run without a difference has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Cycles played.
    pub cycles: u64,
    /// Output beats compared.
    pub beats: usize,
    /// The counters, equal in device and simulator.
    pub counters: Counters,
}

/// Cycles that are played after the expected end: nothing more may come, and what is late may.
const PATIENCE: u64 = 64;

/// Resets `device`, plays `stimulus` between ports that stall as `ports` says and compares every
/// output beat with the golden model, its cycle and every counter with the simulator.
///
/// # Errors
/// The first difference.
pub fn run<D: Device>(
    device: &mut D,
    stimulus: &Stimulus,
    ports: &Ports,
) -> Result<Outcome, Mismatch> {
    let expected = trace(&stimulus.configuration, &stimulus.workload, ports)?;
    play(device, stimulus, ports, &expected, Extent::Whole)?;
    Ok(outcome(&expected))
}

/// As [`run`], but stops after `cycles` cycles, wherever the unit is then, for the reset of the
/// next run to find it there.
///
/// # Errors
/// The first difference until then.
pub fn run_partly<D: Device>(
    device: &mut D,
    stimulus: &Stimulus,
    ports: &Ports,
    cycles: u64,
) -> Result<(), Mismatch> {
    let expected = trace(&stimulus.configuration, &stimulus.workload, ports)?;
    play(device, stimulus, ports, &expected, Extent::Until(cycles))
}

/// As [`run`], but without a reset: on a unit in which nothing is under way any more. Its counters
/// go on from what they were, so they are not compared.
///
/// # Errors
/// The first difference.
pub fn run_on<D: Device>(
    device: &mut D,
    stimulus: &Stimulus,
    ports: &Ports,
) -> Result<Outcome, Mismatch> {
    let expected = trace(&stimulus.configuration, &stimulus.workload, ports)?;
    play(device, stimulus, ports, &expected, Extent::Idle)?;
    Ok(outcome(&expected))
}

fn outcome(expected: &Run) -> Outcome {
    Outcome {
        cycles: expected.counted_at(),
        beats: expected.transfers.len(),
        counters: expected.counters,
    }
}

/// Where a run starts and ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// From a reset to the end.
    Whole,
    /// From a reset until so many cycles have passed.
    Until(u64),
    /// From an idle unit to the end.
    Idle,
}

fn play<D: Device>(
    device: &mut D,
    stimulus: &Stimulus,
    ports: &Ports,
    expected: &Run,
    extent: Extent,
) -> Result<(), Mismatch> {
    let mut player = Player::new(device, stimulus, ports, expected)?;
    let limit = match extent {
        Extent::Until(cycles) => cycles,
        Extent::Whole | Extent::Idle => u64::MAX,
    };
    if extent != Extent::Idle {
        player.reset(ports.out.allows(u64::MAX));
    }
    let (mut beat, mut waiting) = (0, false);
    let end = expected.counted_at();
    for cycle in 0..limit {
        let ready = ports.out.allows(cycle);
        player.offer(cycle);
        player.device.set(player.out.ready, u32::from(ready));
        player.device.settle();
        player.count_errors(cycle)?;
        let valid = player.device.get(player.out.valid) != 0;
        if valid {
            check_beat(&player, stimulus, cycle, beat)?;
        } else if waiting {
            return Err(Mismatch::Withdrawn { cycle, beat });
        }
        waiting = valid && !ready;
        if valid && ready {
            if cycle != expected.transfers[beat] {
                let expected = expected.transfers[beat];
                return Err(Mismatch::Cycle {
                    beat,
                    found: cycle,
                    expected,
                });
            }
            beat += 1;
        }
        if cycle == end && beat == stimulus.out.len() && extent != Extent::Idle {
            check_counters(&player, cycle, &expected.counters)?;
        }
        if cycle == end + PATIENCE {
            return player.finish(cycle, beat);
        }
        player.advance(cycle)?;
        player.device.clock();
    }
    Ok(())
}
