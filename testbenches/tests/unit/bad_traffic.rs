//! Traffic that breaks the rules at run time: it is reported, nothing hangs, and rows after it are
//! right again, in the right cycles.

use logattn_golden::{Configuration, Input};
use logattn_hdl::netlist::{Evaluator, Module, Mutation};
use logattn_hdl::unit::attention_unit;
use logattn_sim::{Pattern, Ports};
use logattn_testbenches::bench::run_on;
use logattn_testbenches::device::Device;
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::stimulus::Beats;
use logattn_testbenches::{Head, HeadRows, Stimulus, run};

/// Far more cycles than any run here takes.
const MOST_CYCLES: u64 = 20_000;

/// Cycles that are played after the last expected beat.
const PATIENCE: u64 = 64;

const BLOCKS: usize = 6;

/// The block that breaks a rule, of [`BLOCKS`].
const BAD: usize = 2;

/// A small unit whose row lengths can be over its N.
fn small(input: Input, query_block: usize) -> Configuration {
    let named = match input {
        Input::Qkv => "nano_qkv",
        Input::Probabilities | Input::Scores => "nano_scores",
    };
    Configuration {
        name: "small".into(),
        head_dimension: 4,
        lanes: if query_block == 1 { 2 } else { 4 },
        max_keys: 12,
        query_block,
        value_banks: 2,
        ..Configuration::named(named).expect("known")
    }
}

fn units(input: Input) -> [Configuration; 2] {
    [1, 2].map(|query_block| small(input, query_block))
}

/// Two heads of rows of N keys each, all sent.
fn full(c: &Configuration, seed: u64) -> Vec<Head> {
    heads(c, Rows::FullLength, 2, BLOCKS, seed)
}

/// What came out of a run that nothing is known of but its beats' number.
#[derive(Debug, Default)]
struct Played {
    beats: Vec<(Vec<u32>, bool)>,
    row_length_errors: usize,
    score_errors: usize,
}

/// A source that offers its beats whenever its pattern goes on.
struct Source<'a> {
    name: &'static str,
    beats: &'a Beats,
    pattern: Pattern,
    next: usize,
    offering: bool,
}

impl<'a> Source<'a> {
    fn new(name: &'static str, beats: &'a Beats, pattern: Pattern) -> Self {
        Source {
            name,
            beats,
            pattern,
            next: 0,
            offering: false,
        }
    }

    /// Offers a beat or goes on offering it.
    fn offer(&mut self, device: &mut Evaluator, cycle: u64) {
        self.offering |= self.next < self.beats.len() && self.pattern.allows(cycle);
        set(device, &self.port("tvalid"), u32::from(self.offering));
        if self.offering {
            let data = device.port(&self.port("tdata")).expect("a source");
            Device::set_words(device, data, self.beats.words(self.next));
            let last = self.beats.last[self.next];
            set(device, &self.port("tlast"), u32::from(last));
        }
    }

    fn advance(&mut self, device: &Evaluator) {
        if self.offering && get(device, &self.port("tready")) != 0 {
            self.offering = false;
            self.next += 1;
        }
    }

    fn port(&self, signal: &str) -> String {
        format!("s_axis_{}_{signal}", self.name)
    }
}

fn set(device: &mut Evaluator, name: &str, value: u32) {
    let port = device.port(name).expect("an input");
    Device::set(device, port, value);
}

fn get(device: &Evaluator, name: &str) -> u32 {
    Device::get(device, device.port(name).expect("an output"))
}

/// Resets and plays `stimulus` until `expected` beats and some cycles more have come, `cycles`
/// cycles at most.
fn drive<'a>(
    device: &mut Evaluator,
    stimulus: &'a Stimulus,
    ports: &Ports,
    expected: usize,
    cycles: u64,
) -> (Played, Vec<Source<'a>>) {
    let mut sources = vec![
        Source::new(stimulus.attn_name(), &stimulus.attn, ports.attn),
        Source::new("value", &stimulus.value, ports.value),
    ];
    if stimulus.configuration.input == Input::Qkv {
        sources.push(Source::new("key", &stimulus.key, ports.key));
    }
    for (name, words) in stimulus.settings() {
        let port = device.port(name).expect("a setting");
        Device::set_words(device, port, &words);
    }
    set(device, "rst", 1);
    Device::settle(device);
    Device::clock(device);
    set(device, "rst", 0);
    let (mut played, mut left) = (Played::default(), PATIENCE);
    for cycle in 0..cycles {
        let ready = ports.out.allows(cycle);
        sources
            .iter_mut()
            .for_each(|source| source.offer(device, cycle));
        if let Some(sampled) = stimulus.sampled.get(sources[0].next) {
            set(device, "row_length", sampled.row_length);
            if stimulus.configuration.input == Input::Qkv {
                set(device, "score_shift", sampled.score_shift);
            }
        }
        set(device, "m_axis_out_tready", u32::from(ready));
        Device::settle(device);
        played.look(device, stimulus, ready);
        sources.iter_mut().for_each(|source| source.advance(device));
        Device::clock(device);
        if played.beats.len() == expected {
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    (played, sources)
}

/// Resets and plays all of `stimulus`; `expected` beats come back.
fn play(device: &mut Evaluator, stimulus: &Stimulus, ports: &Ports, expected: usize) -> Played {
    let (played, sources) = drive(device, stimulus, ports, expected, MOST_CYCLES);
    for source in &sources {
        let (taken, all) = (source.next, source.beats.len());
        assert_eq!(taken, all, "beats of {} that are taken", source.name);
    }
    assert_eq!(played.beats.len(), expected, "beats that came");
    played
}

impl Played {
    fn look(&mut self, device: &Evaluator, stimulus: &Stimulus, ready: bool) {
        self.row_length_errors += get(device, "error_row_length") as usize;
        if device.port("error_score").is_ok() {
            self.score_errors += get(device, "error_score") as usize;
        }
        if ready && get(device, "m_axis_out_tvalid") != 0 {
            let mut words = vec![0; stimulus.out.width];
            let data = device.port("m_axis_out_tdata").expect("the output");
            Device::read(device, data, &mut words);
            let last = get(device, "m_axis_out_tlast") != 0;
            self.beats.push((words, last));
        }
    }

    /// That all blocks but one are those of the golden model. `merged`: the block after the bad
    /// one went with it.
    fn check(&self, stimulus: &Stimulus, merged: bool) {
        let beats = stimulus.configuration.output_beats();
        let blocks = stimulus.out.len() / beats;
        let skipped = |block: usize| block == BAD || (merged && block == BAD + 1);
        let expected = (0..blocks).filter(|block| !skipped(*block));
        let found = (0..blocks - usize::from(merged)).filter(|block| *block != BAD);
        for (expected, found) in expected.zip(found) {
            for beat in 0..beats {
                let golden = expected * beats + beat;
                let words = (stimulus.out.words(golden), stimulus.out.last[golden]);
                let (data, last) = &self.beats[found * beats + beat];
                assert_eq!((&data[..], *last), words, "block {expected}, beat {beat}");
            }
        }
    }
}

/// Plays `heads`, one block of which `spoil` makes bad, then good heads without a reset and with
/// one.
fn recovers(
    c: &Configuration,
    heads: &[Head],
    merged: bool,
    spoil: impl Fn(&mut Stimulus),
    check: impl Fn(&Played),
) {
    let mut device = Evaluator::new(&attention_unit(c).expect("elaborates")).expect("flattens");
    for (seed, ports) in [
        (1, Ports::free()),
        (2, Ports::random(3, 96)),
        (3, Ports::random(4, 200)),
    ] {
        let mut stimulus = Stimulus::new(c, heads).expect("fits");
        spoil(&mut stimulus);
        let lost = if merged { c.output_beats() } else { 0 };
        let expected = stimulus.out.len() - lost;
        let played = play(&mut device, &stimulus, &ports, expected);
        played.check(&stimulus, merged);
        check(&played);
        let good = Stimulus::new(c, &full(c, seed)).expect("fits");
        run_on(&mut device, &good, &ports).expect("equal without a reset");
        run(&mut device, &good, &ports).expect("equal after a reset");
    }
}

fn one_row_length_error(played: &Played) {
    assert_eq!(played.row_length_errors, 1);
    assert_eq!(played.score_errors, 0);
}

/// The beat with which the bad block's row length is sampled: every block has as many beats.
fn sampling_beat(stimulus: &Stimulus) -> usize {
    let c = &stimulus.configuration;
    match c.input {
        Input::Probabilities | Input::Scores => BAD * c.beats(c.max_keys),
        Input::Qkv => BAD * c.query_block + c.query_block - 1,
    }
}

#[test]
fn row_lengths_of_zero_and_over_n_are_reported() {
    for c in units(Input::Scores).iter().chain(&units(Input::Qkv)) {
        let heads = full(c, 5);
        for length in [0, 13, 15] {
            let spoil = |stimulus: &mut Stimulus| {
                let beat = sampling_beat(stimulus);
                stimulus.sampled[beat].row_length = length;
            };
            recovers(c, &heads, false, spoil, one_row_length_error);
        }
    }
}

/// N keys in the first row of a causal block are one too many in its second, also where N ends
/// within a beat.
#[test]
fn causal_blocks_longer_than_n_are_reported() {
    for input in [Input::Scores, Input::Qkv] {
        for max_keys in 9..=12 {
            let c = Configuration {
                max_keys,
                ..small(input, 2)
            };
            let mut drawn = (0..64).map(|seed| full(&c, seed));
            let causal = drawn.find(|heads| heads[0].causal);
            let spoil = |stimulus: &mut Stimulus| {
                let beat = sampling_beat(stimulus);
                stimulus.sampled[beat].row_length = max_keys as u32;
            };
            let heads = causal.expect("half of all are");
            recovers(&c, &heads, false, spoil, one_row_length_error);
        }
    }
}

/// In the last block of a head, where the memories change to the next one.
#[test]
fn a_bad_last_block_gives_its_memories_up() {
    for c in units(Input::Scores).iter().chain(&units(Input::Qkv)) {
        let heads = heads(c, Rows::FullLength, 4, BAD + 1, 6);
        for length in [0, 13] {
            let spoil = |stimulus: &mut Stimulus| {
                let beat = sampling_beat(stimulus);
                stimulus.sampled[beat].row_length = length;
            };
            recovers(c, &heads, false, spoil, one_row_length_error);
        }
    }
}

#[test]
fn packets_shorter_than_the_row_length_are_reported() {
    for c in units(Input::Scores) {
        for keys in [1, 4, 8] {
            let mut heads = full(&c, 7);
            let more = heads[0].sent[BAD] - heads[0].lengths[BAD];
            heads[0].sent[BAD] = keys.max(1 + more);
            heads[0].lengths[BAD] = heads[0].sent[BAD] - more;
            let spoil = |stimulus: &mut Stimulus| {
                let beat = sampling_beat(stimulus);
                stimulus.sampled[beat].row_length = (c.max_keys - more) as u32;
            };
            recovers(&c, &heads, false, spoil, one_row_length_error);
        }
    }
}

/// Two packets in one: the beats of the second are surplus.
fn overlong(stimulus: &mut Stimulus) {
    let c = &stimulus.configuration;
    let beats = c.beats(c.max_keys);
    stimulus.attn.last[(BAD + 1) * beats - 1] = false;
    stimulus.head_blocks -= 1;
}

/// Surplus beats are taken and dropped.
#[test]
fn packets_of_more_than_n_keys_are_reported() {
    for c in units(Input::Scores) {
        // A single head, as the unit counts one block less of it.
        let one = &full(&c, 8)[..1];
        recovers(&c, one, true, overlong, one_row_length_error);
    }
}

/// Whether good heads are right after a reset in any cycle of bad traffic.
fn survives_resets(
    c: &Configuration,
    unit: &Module,
    heads: &[Head],
    spoil: fn(&mut Stimulus),
) -> bool {
    let mut device = Evaluator::new(unit).expect("flattens");
    let mut bad = Stimulus::new(c, &heads[..1]).expect("fits");
    spoil(&mut bad);
    let good = Stimulus::new(c, heads).expect("fits");
    let all = usize::MAX;
    (1..80).all(|cycles| {
        let ports = Ports::random(cycles, 96);
        drive(&mut device, &bad, &ports, all, cycles);
        run(&mut device, &good, &ports).is_ok()
    })
}

#[test]
fn a_reset_ends_an_overlong_packet() {
    for c in units(Input::Scores) {
        let unit = attention_unit(&c).expect("elaborates");
        let heads = full(&c, 10);
        assert!(survives_resets(&c, &unit, &heads, overlong));
        let wrong = unit.mutate("score_input", "surplus", Mutation::DropReset);
        let wrong = wrong.expect("it has a reset");
        assert!(!survives_resets(&c, &wrong, &heads, overlong));
    }
}

#[test]
fn a_reset_ends_the_report_of_a_score_that_does_not_fit() {
    for c in units(Input::Qkv) {
        let unit = attention_unit(&c).expect("elaborates");
        let heads = loud(&c);
        assert!(survives_resets(&c, &unit, &heads, overflow));
        let wrong = unit.mutate("score_engine", "error_score", Mutation::DropReset);
        let wrong = wrong.expect("it has a reset");
        assert!(!survives_resets(&c, &wrong, &heads, overflow));
    }
}

/// Heads whose products are 127 x 127 times D and their like, which shifted by 5 fit 12 bits.
fn loud(c: &Configuration) -> Vec<Head> {
    let mut heads = full(c, 9);
    for head in &mut heads {
        let HeadRows::Qkv {
            query,
            key,
            score_shift,
        } = &mut head.rows
        else {
            panic!("the unit takes queries and keys");
        };
        query.mapv_inplace(|element| if element < 0 { -127 } else { 127 });
        key.mapv_inplace(|element| if element < 0 { -127 } else { 127 });
        *score_shift = 5;
    }
    heads
}

/// The scores of a block are not shifted.
fn overflow(stimulus: &mut Stimulus) {
    let beat = sampling_beat(stimulus);
    stimulus.sampled[beat].score_shift = 0;
}

#[test]
fn scores_that_do_not_fit_are_reported() {
    for c in units(Input::Qkv) {
        let heads = loud(&c);
        recovers(&c, &heads, false, overflow, |played| {
            assert_eq!(played.row_length_errors, 0);
            assert!(played.score_errors > 0);
        });
    }
}
