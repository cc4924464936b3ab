//! Drives the ports of a device, and compares what it sees there.

use super::Mismatch;
use crate::device::Device;
use crate::stimulus::{Beats, Stimulus};
use logattn_golden::Input;
use logattn_sim::{Counters, Pattern, Ports, Run};

/// A source of beats as AXI4-Stream wants it: an offer stands until it is taken.
struct SourceDriver<'a, P> {
    name: &'static str,
    beats: &'a Beats,
    pattern: Pattern,
    /// The cycle of each transfer, by the simulator.
    transfers: &'a [u64],
    data: P,
    last: P,
    valid: P,
    ready: P,
    next: usize,
    offering: bool,
}

pub(super) struct SinkPorts<P> {
    pub data: P,
    pub last: P,
    pub valid: P,
    pub ready: P,
}

/// An output that pulses for a cycle.
struct PulsePort<P> {
    name: &'static str,
    port: P,
    found: usize,
    expected: usize,
}

/// A device between the sources and the sink of one run.
pub(super) struct Player<'a, D: Device> {
    pub device: &'a mut D,
    stimulus: &'a Stimulus,
    /// The first one is what is sampled with: `s_axis_attn` or `s_axis_query`.
    sources: Vec<SourceDriver<'a, D::Port>>,
    row_length: D::Port,
    score_shift: Option<D::Port>,
    pub out: SinkPorts<D::Port>,
    errors: Vec<PulsePort<D::Port>>,
    rst: D::Port,
}

fn device_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> Mismatch {
    Mismatch::Device(Box::new(error))
}

/// Name, beats, pattern and expected transfers of each source that the unit has.
fn sources<'a>(
    stimulus: &'a Stimulus,
    ports: &Ports,
    expected: &'a Run,
) -> impl Iterator<Item = (&'static str, &'a Beats, Pattern, &'a [u64])> {
    let attn = (
        stimulus.attn_name(),
        &stimulus.attn,
        ports.attn,
        &expected.attn_transfers[..],
    );
    let value = (
        "value",
        &stimulus.value,
        ports.value,
        &expected.value_transfers[..],
    );
    let key = ("key", &stimulus.key, ports.key, &expected.key_transfers[..]);
    let has_key = stimulus.configuration.input == Input::Qkv;
    [attn, value].into_iter().chain(has_key.then_some(key))
}

impl<'a, D: Device> Player<'a, D> {
    pub fn new(
        device: &'a mut D,
        stimulus: &'a Stimulus,
        ports: &Ports,
        expected: &'a Run,
    ) -> Result<Self, Mismatch> {
        let find = |name: String| device.port(&name).map_err(device_error);
        let source = |(name, beats, pattern, transfers)| {
            Ok::<_, Mismatch>(SourceDriver {
                name,
                beats,
                pattern,
                transfers,
                data: find(format!("s_axis_{name}_tdata"))?,
                last: find(format!("s_axis_{name}_tlast"))?,
                valid: find(format!("s_axis_{name}_tvalid"))?,
                ready: find(format!("s_axis_{name}_tready"))?,
                next: 0,
                offering: false,
            })
        };
        let sources: Result<_, _> = sources(stimulus, ports, expected).map(source).collect();
        let sources = sources?;
        let out = SinkPorts {
            data: find("m_axis_out_tdata".into())?,
            last: find("m_axis_out_tlast".into())?,
            valid: find("m_axis_out_tvalid".into())?,
            ready: find("m_axis_out_tready".into())?,
        };
        let error = |(name, expected): (&'static str, usize)| {
            Ok::<_, Mismatch>(PulsePort {
                name,
                port: find(name.into())?,
                found: 0,
                expected,
            })
        };
        let errors: Result<_, _> = stimulus.errors().into_iter().map(error).collect();
        let errors = errors?;
        let (row_length, rst) = (find("row_length".into())?, find("rst".into())?);
        let shifts = stimulus.configuration.input == Input::Qkv;
        let score_shift = shifts.then(|| find("score_shift".into())).transpose()?;
        for (name, words) in stimulus.settings() {
            let port = device.port(name).map_err(device_error)?;
            device.set_words(port, &words);
        }
        Ok(Player {
            device,
            stimulus,
            sources,
            row_length,
            score_shift,
            out,
            errors,
            rst,
        })
    }

    /// One cycle in reset, in which the sink may be ready or not; the cycle after it is cycle 0.
    pub fn reset(&mut self, ready: bool) {
        for source in &self.sources {
            self.device.set(source.valid, 0);
        }
        self.device.set(self.out.ready, u32::from(ready));
        self.device.set(self.rst, 1);
        self.device.settle();
        self.device.clock();
        self.device.set(self.rst, 0);
    }

    /// Drives what the sources offer in `cycle`.
    #[inline]
    pub fn offer(&mut self, cycle: u64) {
        for (index, source) in self.sources.iter_mut().enumerate() {
            let offered = offer(self.device, source, cycle);
            if let (0, Some(beat)) = (index, offered) {
                let sampled = self.stimulus.sampled[beat];
                self.device.set(self.row_length, sampled.row_length);
                if let Some(port) = self.score_shift {
                    self.device.set(port, sampled.score_shift);
                }
            }
        }
    }

    /// Which of the offers are taken: in the very cycles that the simulator says.
    #[inline]
    pub fn advance(&mut self, cycle: u64) -> Result<(), Mismatch> {
        for source in &mut self.sources {
            if source.offering && self.device.get(source.ready) != 0 {
                let (beat, expected) = (source.next, source.transfers[source.next]);
                if cycle != expected {
                    return Err(Mismatch::Taken {
                        port: source.name,
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

    /// No error output pulses oftener than the heads make it.
    #[inline]
    pub fn count_errors(&mut self, cycle: u64) -> Result<(), Mismatch> {
        for error in &mut self.errors {
            if self.device.get(error.port) != 0 {
                error.found += 1;
                if error.found > error.expected {
                    return Err(error.mismatch(cycle));
                }
            }
        }
        Ok(())
    }

    /// Nor more rarely, once everything has come to its end.
    pub fn finish(&self, cycle: u64, beats: usize) -> Result<(), Mismatch> {
        let expected = self.stimulus.out.len();
        if beats != expected {
            return Err(Mismatch::Hang {
                cycle,
                beats,
                expected,
            });
        }
        match self
            .errors
            .iter()
            .find(|error| error.found < error.expected)
        {
            None => Ok(()),
            Some(error) => Err(error.mismatch(cycle)),
        }
    }
}

impl<P> PulsePort<P> {
    fn mismatch(&self, cycle: u64) -> Mismatch {
        Mismatch::Error {
            name: self.name,
            cycle,
            found: self.found,
            expected: self.expected,
        }
    }
}

/// Offers the next beat if the pattern goes on; gives its index if it is a new one.
#[inline]
fn offer<D: Device>(
    device: &mut D,
    source: &mut SourceDriver<D::Port>,
    cycle: u64,
) -> Option<usize> {
    let more = source.next < source.beats.len();
    let starts = !source.offering && more && source.pattern.allows(cycle);
    if starts {
        source.offering = true;
        device.set_words(source.data, source.beats.words(source.next));
        device.set(source.last, u32::from(source.beats.last[source.next]));
    }
    device.set(source.valid, u32::from(source.offering));
    starts.then_some(source.next)
}

/// A valid beat is the next one of the golden model in every cycle in which it is offered, taken
/// or not: so it cannot change while it waits either.
#[inline]
pub(super) fn check_beat<D: Device>(
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

/// The counters are those of the simulator, 32 bits of each.
pub(super) fn check_counters<D: Device>(
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
