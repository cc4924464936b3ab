//! Plays a stimulus on a device and reports the first difference.

use crate::device::Device;
use crate::stimulus::Stimulus;
use logattn_sim::{Counters, Pattern, Ports, Run, trace};
use thiserror::Error;

/// The first difference between a device and what it should do.
#[derive(Debug, Error)]
pub enum Mismatch {
    /// An output beat differs from the golden model.
    #[error(
        "cycle {cycle}: output beat {beat} is {found:08x?}, the golden model has {expected:08x?} (32-bit words, lowest first)"
    )]
    Output {
        /// Cycle of the transfer.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// Words found.
        found: Vec<u32>,
        /// Words of the golden model.
        expected: Vec<u32>,
    },
    /// `m_axis_out_tlast` differs.
    #[error("cycle {cycle}: output beat {beat} has tlast {found}, expected {}", !found)]
    Last {
        /// Cycle of the transfer.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// What was found.
        found: bool,
    },
    /// An output beat came in another cycle than the simulator says.
    #[error("output beat {beat} came in cycle {found}, the simulator says {expected}")]
    Cycle {
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// Cycle of the transfer.
        found: u64,
        /// Cycle of the simulator.
        expected: u64,
    },
    /// An input beat was taken in another cycle than the simulator says.
    #[error(
        "beat {beat} of s_axis_{port} was taken in cycle {found}, the simulator says {expected}"
    )]
    Taken {
        /// Name of the port.
        port: &'static str,
        /// Index of the beat.
        beat: usize,
        /// Cycle of the transfer.
        found: u64,
        /// Cycle of the simulator.
        expected: u64,
    },
    /// More output beats came than expected.
    #[error("cycle {cycle}: an output beat came after all {expected} expected ones")]
    Surplus {
        /// Cycle of the transfer.
        cycle: u64,
        /// Beats expected.
        expected: usize,
    },
    /// No output came any more.
    #[error("no output after beat {beats} of {expected} until cycle {cycle}")]
    Hang {
        /// Cycle in which the bench gave up.
        cycle: u64,
        /// Beats that came.
        beats: usize,
        /// Beats expected.
        expected: usize,
    },
    /// `m_axis_out` withdrew a beat that was not taken (AXI4-Stream 2.2.1).
    #[error("cycle {cycle}: m_axis_out withdrew tvalid before output beat {beat} was taken")]
    Withdrawn {
        /// Cycle of the violation.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
    },
    /// A counter differs from the simulator's.
    #[error("count_{name} is {found} in cycle {cycle}, the simulator has {expected}")]
    Counter {
        /// Cycle in which it was read.
        cycle: u64,
        /// Name of the counter.
        name: &'static str,
        /// Value found.
        found: u32,
        /// Value of the simulator.
        expected: u32,
    },
    /// The stimulus could not be simulated.
    #[error(transparent)]
    Simulation(#[from] logattn_sim::SimulationError),
    /// The device is no attention unit of this configuration.
    #[error("{0}")]
    Device(Box<dyn std::error::Error + Send + Sync>),
}

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

/// A source of beats as AXI4-Stream wants it: an offer stands until it is taken.
struct SourceDriver<P> {
    pattern: Pattern,
    data: P,
    last: P,
    valid: P,
    ready: P,
    next: usize,
    offering: bool,
}

struct SinkPorts<P> {
    data: P,
    last: P,
    valid: P,
    ready: P,
}

struct Player<'a, D: Device> {
    device: &'a mut D,
    stimulus: &'a Stimulus,
    value: SourceDriver<D::Port>,
    attn: SourceDriver<D::Port>,
    row_length: D::Port,
    out: SinkPorts<D::Port>,
    rst: D::Port,
}

fn device_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> Mismatch {
    Mismatch::Device(Box::new(error))
}

impl<'a, D: Device> Player<'a, D> {
    fn new(device: &'a mut D, stimulus: &'a Stimulus, ports: &Ports) -> Result<Self, Mismatch> {
        let find = |name: String| device.port(&name).map_err(device_error);
        let source = |name: &str, pattern: Pattern| {
            Ok::<_, Mismatch>(SourceDriver {
                pattern,
                data: find(format!("s_axis_{name}_tdata"))?,
                last: find(format!("s_axis_{name}_tlast"))?,
                valid: find(format!("s_axis_{name}_tvalid"))?,
                ready: find(format!("s_axis_{name}_tready"))?,
                next: 0,
                offering: false,
            })
        };
        let (value, attn) = (source("value", ports.value)?, source("attn", ports.attn)?);
        let out = SinkPorts {
            data: find("m_axis_out_tdata".into())?,
            last: find("m_axis_out_tlast".into())?,
            valid: find("m_axis_out_tvalid".into())?,
            ready: find("m_axis_out_tready".into())?,
        };
        let (row_length, rst) = (find("row_length".into())?, find("rst".into())?);
        for (name, words) in stimulus.settings() {
            let port = device.port(name).map_err(device_error)?;
            device.set_words(port, &words);
        }
        Ok(Player {
            device,
            stimulus,
            value,
            attn,
            row_length,
            out,
            rst,
        })
    }

    /// One cycle in reset, in which the sink may be ready or not; the cycle after it is cycle 0.
    fn reset(&mut self, ready: bool) {
        self.device.set(self.value.valid, 0);
        self.device.set(self.attn.valid, 0);
        self.device.set(self.out.ready, u32::from(ready));
        self.device.set(self.rst, 1);
        self.device.settle();
        self.device.clock();
        self.device.set(self.rst, 0);
    }

    /// Drives what the two sources offer in `cycle`.
    #[inline]
    fn offer(&mut self, cycle: u64) {
        let stimulus = self.stimulus;
        offer(self.device, &mut self.value, &stimulus.value, cycle);
        if let Some(beat) = offer(self.device, &mut self.attn, &stimulus.attn, cycle) {
            // Only the first beat's length counts; the others get something else.
            let first = beat == 0 || stimulus.attn.last[beat - 1];
            let length = stimulus.row_lengths[beat];
            self.device
                .set(self.row_length, if first { length } else { !length });
        }
    }

    /// Which of the offers are taken: in the very cycles that the simulator says.
    #[inline]
    fn advance(&mut self, cycle: u64, expected: &Run) -> Result<(), Mismatch> {
        let streams = [
            ("value", &mut self.value, &expected.value_transfers),
            ("attn", &mut self.attn, &expected.attn_transfers),
        ];
        for (port, source, transfers) in streams {
            if source.offering && self.device.get(source.ready) != 0 {
                let (beat, expected) = (source.next, transfers[source.next]);
                if cycle != expected {
                    return Err(Mismatch::Taken {
                        port,
                        beat,
                        found: cycle,
                        expected,
                    });
                }
                source.offering = false;
                source.next += 1;
            }
        }
        Ok(())
    }
}

/// Offers the next beat if the pattern goes on; gives its index if it is a new one.
#[inline]
fn offer<D: Device>(
    device: &mut D,
    source: &mut SourceDriver<D::Port>,
    beats: &crate::stimulus::Beats,
    cycle: u64,
) -> Option<usize> {
    let starts = !source.offering && source.next < beats.len() && source.pattern.allows(cycle);
    if starts {
        source.offering = true;
        device.set_words(source.data, beats.words(source.next));
        device.set(source.last, u32::from(beats.last[source.next]));
    }
    device.set(source.valid, u32::from(source.offering));
    starts.then_some(source.next)
}

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
    play(device, stimulus, ports, &expected, u64::MAX)?;
    Ok(Outcome {
        cycles: expected.counted_at(),
        beats: expected.transfers.len(),
        counters: expected.counters,
    })
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
    play(device, stimulus, ports, &expected, cycles)
}

fn play<D: Device>(
    device: &mut D,
    stimulus: &Stimulus,
    ports: &Ports,
    expected: &Run,
    limit: u64,
) -> Result<(), Mismatch> {
    let mut player = Player::new(device, stimulus, ports)?;
    player.reset(ports.out.allows(u64::MAX));
    let (mut beat, mut waiting) = (0, false);
    let end = expected.counted_at();
    for cycle in 0..limit {
        let ready = ports.out.allows(cycle);
        player.offer(cycle);
        player.device.set(player.out.ready, u32::from(ready));
        player.device.settle();
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
        if cycle == end && beat == stimulus.out.len() {
            check_counters(&player, cycle, &expected.counters)?;
        }
        if cycle == end + PATIENCE {
            let expected = stimulus.out.len();
            return match beat == expected {
                true => Ok(()),
                false => Err(Mismatch::Hang {
                    cycle,
                    beats: beat,
                    expected,
                }),
            };
        }
        player.advance(cycle, expected)?;
        player.device.clock();
    }
    Ok(())
}

/// A valid beat is the next one of the golden model in every cycle in which it is offered, taken
/// or not: so it cannot change while it waits either.
#[inline]
fn check_beat<D: Device>(
    player: &Player<D>,
    stimulus: &Stimulus,
    cycle: u64,
    beat: usize,
) -> Result<(), Mismatch> {
    if beat == stimulus.out.len() {
        return Err(Mismatch::Surplus {
            cycle,
            expected: beat,
        });
    }
    let words = stimulus.out.words(beat);
    if !player.device.equals(player.out.data, words) {
        let mut found = vec![0; words.len()];
        player.device.read(player.out.data, &mut found);
        return Err(Mismatch::Output {
            cycle,
            beat,
            found,
            expected: words.to_vec(),
        });
    }
    let last = player.device.get(player.out.last) != 0;
    if last != stimulus.out.last[beat] {
        return Err(Mismatch::Last {
            cycle,
            beat,
            found: last,
        });
    }
    Ok(())
}

fn check_counters<D: Device>(
    player: &Player<D>,
    cycle: u64,
    expected: &Counters,
) -> Result<(), Mismatch> {
    let named = [
        ("cycles", expected.cycles),
        ("rows", expected.rows),
        ("keys", expected.keys),
        ("survivors", expected.survivors),
        ("value_reads", expected.value_reads),
        ("stall_input", expected.stall_input),
        ("stall_value", expected.stall_value),
        ("stall_output", expected.stall_output),
    ];
    for (name, expected) in named {
        let port = player
            .device
            .port(&format!("count_{name}"))
            .map_err(device_error)?;
        let (found, expected) = (player.device.get(port), expected as u32);
        if found != expected {
            return Err(Mismatch::Counter {
                cycle,
                name,
                found,
                expected,
            });
        }
    }
    Ok(())
}
