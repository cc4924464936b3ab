//! Random legal and illegal traffic on every named configuration: nothing hangs, legal rows have
//! the golden model's bits, and `ERRORS` says exactly what was wrong.

mod play;
mod world;

use self::play::{Play, packets};
use self::world::{Beat, Row, When, World};
use logattn_golden::{Configuration, Input};
use logattn_hdl::attention_core::{Lock, RegisterMap};
use logattn_testbenches::core::{ENABLE, FORGET, RESET, evaluated_core, offset};
use logattn_testbenches::device::Device;
use logattn_testbenches::random::configuration;
use rand::{Rng, RngExt};
use std::collections::{BTreeSet, VecDeque};

/// What is done to the packets of an episode, and what `ERRORS` has to say of it.
struct Script {
    streams: Vec<Vec<Beat>>,
    rows: Vec<Row>,
    errors: BTreeSet<&'static str>,
    /// Bits that rows which are worth nothing may set as well.
    tolerated: BTreeSet<&'static str>,
}

/// Spoils or keeps a packet of rows.
fn spoil_row(
    world: &mut World<impl Device>,
    play: &Play,
    block: usize,
    packet: &mut Vec<Beat>,
    script: &mut Script,
) -> bool {
    let c = world.c.clone();
    let last = packet.len() - 1;
    match world.random.random_range(0..12) {
        // Too short.
        0 => {
            let needed = match c.input {
                Input::Qkv => c.query_block,
                _ => play.longest(&c, block).div_ceil(c.keys_per_beat),
            };
            if needed > 1 {
                packet.truncate(world.random.random_range(1..needed));
                if let Some(beat) = packet.last_mut() {
                    beat.last = true;
                }
                script.errors.insert("row_short");
                script.tolerated.insert("score_overflow");
                return false;
            }
        }
        // TLAST late: the beats after the longest row are dropped.
        1 => {
            let most = most_beats(&c, play);
            packet[last].last = false;
            let surplus = world.random.random_range(1..40);
            while packet.len() < most + surplus {
                let beat = packet[last].clone();
                packet.push(beat);
            }
            if let Some(beat) = packet.last_mut() {
                beat.last = true;
            }
            script.errors.insert("row_long");
        }
        _ => {}
    }
    true
}

/// The packets of one head, some of them spoiled.
fn spoil_head(
    world: &mut World<impl Device>,
    play: &Play,
    head: usize,
    script: &mut Script,
    calm: bool,
) {
    let streams = &play.heads[head];
    let mut worth = true;
    for (index, name) in [(1, "value"), (2, "key")] {
        // Streams are rows, values, keys here; the core's order is rows, keys, values.
        let Some(beats) = streams.loads.get(index - 1) else {
            continue;
        };
        let mut beats = beats.clone();
        let last = beats.len() - 1;
        let place = if name == "value" {
            world.sources.len() - 1
        } else {
            1
        };
        let [short, long] = match name {
            "value" => ["value_short", "value_long"],
            _ => ["key_short", "key_long"],
        };
        match world.random.random_range(0..16) {
            0 if !calm && last > 0 => {
                beats.truncate(world.random.random_range(1..=last));
                let end = beats.len() - 1;
                beats[end].last = true;
                script.errors.insert(short);
                script.tolerated.insert("score_overflow");
                worth = false;
            }
            1 if !calm => {
                beats[last].last = false;
                for _ in 0..world.random.random_range(1..9) {
                    beats.push(beats[last].clone());
                }
                let end = beats.len() - 1;
                beats[end].last = true;
                script.errors.insert(long);
            }
            _ => {}
        }
        script.streams[place].extend(beats);
    }
    let mut blocks: VecDeque<usize> = (0..streams.rows.len()).collect();
    while let Some(block) = blocks.pop_front() {
        let mut packet = streams.rows[block].clone();
        let mut legal = worth;
        let merges = !calm && !play.lengths.causal && world.random.random_range(0..24) == 0;
        match blocks.front().filter(|_| merges) {
            // No TLAST between two packets: one row of both, and one more has to be sent again.
            Some(next) => {
                let end = packet.len() - 1;
                packet[end].last = false;
                packet.extend(streams.rows[*next].iter().cloned());
                if told(&world.c, play, block, packet.len()) {
                    script.errors.insert("row_long");
                }
                blocks.rotate_left(1);
            }
            None if calm => {}
            None => legal &= spoil_row(world, play, block, &mut packet, script),
        }
        script.streams[0].extend(packet);
        for row in &streams.outputs[block] {
            script.rows.push(Row {
                beats: row.clone(),
                legal,
            });
        }
    }
}

/// Whether a packet of rows so long is of neither of the two lengths that it may have.
fn told(c: &Configuration, play: &Play, block: usize, beats: usize) -> bool {
    let most = most_beats(c, play);
    let least = match c.input {
        Input::Qkv => most,
        _ => play.longest(c, block).div_ceil(c.keys_per_beat),
    };
    beats > least && beats != most
}

/// Beats that a packet of rows can have.
fn most_beats(c: &Configuration, play: &Play) -> usize {
    match c.input {
        Input::Qkv => c.query_block,
        _ => play.lengths.head_keys.div_ceil(c.keys_per_beat),
    }
}

/// Bits of `ERRORS` by name.
fn error_bits(map: &RegisterMap, names: &BTreeSet<&str>) -> u32 {
    let register = map.register("ERRORS").expect("there");
    let fields = register.fields.iter();
    fields
        .filter(|field| names.contains(field.name.as_str()))
        .map(|field| field.mask())
        .sum()
}

struct Fuzzer<D: Device> {
    world: World<D>,
    map: RegisterMap,
    plays: Vec<Play>,
}

impl<D: Device> Fuzzer<D> {
    fn new(device: D, c: &Configuration, seed: u64) -> Self {
        Fuzzer {
            world: World::new(device, c, seed),
            map: RegisterMap::new(c).expect("valid"),
            plays: Play::pool(c, seed),
        }
    }

    fn set(&mut self, register: u32, value: u32) {
        let response = self.world.write(register, value, When::Now);
        assert_eq!(response, Some(0), "a write to {register:#x}");
    }

    /// Programs what a play needs, in any order.
    fn program(&mut self, play: &Play) {
        for (register, value) in play.registers(&self.world.c) {
            self.set(register, value);
        }
    }

    /// One of the lengths is impossible: everything waits. Gives what sets it right.
    fn impossible(&mut self, play: &Play) -> (u32, u32) {
        let bits = self.world.c.length_bits();
        let largest = u32::MAX >> (32 - bits);
        let keys = play.lengths.head_keys as u32;
        let (register, wrong, right) = match self.world.random.random_range(0..5) {
            0 => (offset::ROW_LENGTH, 0, play.lengths.row_length as u32),
            1 if largest > keys => (offset::ROW_LENGTH, keys + 1, play.lengths.row_length as u32),
            2 => (offset::HEAD_KEYS, 0, keys),
            3 if largest as usize > self.world.c.max_keys => (offset::HEAD_KEYS, largest, keys),
            _ => (offset::HEAD_BLOCKS, 0, play.blocks as u32),
        };
        self.set(register, wrong);
        (register, right)
    }

    /// Random reads, and writes that are refused.
    fn pester(&mut self, errors: &mut BTreeSet<&'static str>) {
        let pick = self.world.random.random_range(0..self.map.registers.len());
        let register = self.map.registers[pick].clone();
        match self.world.random.random_range(0..4) {
            0 => {
                let (_, response) = self.world.read(register.offset);
                assert_eq!(response, 0, "{}", register.name);
            }
            1 => {
                // Not a register.
                let (value, response) = self.world.read(0x1FC);
                assert_eq!((value, response), (0, 2));
                assert_eq!(self.world.write(0x1FC, 1, When::Now), Some(2));
            }
            2 if !register.writable() => {
                assert_eq!(
                    self.world.write(register.offset, u32::MAX, When::Now),
                    Some(2)
                );
            }
            _ if register.lock != Lock::Free => {
                let value = self.world.random.next_u32();
                if self.world.write(register.offset, value, When::RowsLocked) == Some(0) {
                    errors.insert("write_locked");
                }
            }
            _ => {}
        }
    }

    /// Reads and clears `ERRORS`, which has to say `errors`.
    fn check_errors(&mut self, errors: &BTreeSet<&str>, tolerated: &BTreeSet<&str>) {
        let (found, _) = self.world.read(offset::ERRORS);
        let expected = error_bits(&self.map, errors);
        let tolerated = error_bits(&self.map, tolerated);
        assert_eq!(
            found & !tolerated,
            expected & !tolerated,
            "{}: ERRORS at cycle {}: found {found:#x}, {errors:?}",
            self.world.c.name,
            self.world.cycle
        );
        self.set(offset::ERRORS, found);
        let (left, _) = self.world.read(offset::ERRORS);
        assert_eq!(left, 0, "ERRORS after they were cleared");
    }

    /// A few heads, spoiled or not, to their end or to a reset.
    fn episode(&mut self) {
        let pick = self.world.random.random_range(0..self.plays.len());
        let play = self.plays[pick].clone();
        self.world.change_rates();
        self.program(&play);
        let calm = self.world.random.random_bool(0.3);
        let mut script = Script {
            streams: vec![Vec::new(); self.world.sources.len()],
            rows: Vec::new(),
            errors: BTreeSet::new(),
            tolerated: BTreeSet::new(),
        };
        for head in 0..play.heads.len() {
            spoil_head(&mut self.world, &play, head, &mut script, calm);
        }
        let wrong = (!calm && self.world.random.random_bool(0.15)).then(|| self.impossible(&play));
        // Values and keys may be late.
        let late = wrong.is_none() && !calm && self.world.random.random_bool(0.1);
        let timeout = if late { 40 } else { 0 };
        self.set(offset::LOAD_TIMEOUT, timeout);
        self.set(offset::CONTROL, ENABLE);
        for (index, beats) in script.streams.drain(..).enumerate() {
            let source = &mut self.world.sources[index];
            source.loaded = false;
            source.queue.extend(beats);
            source.from = match late && index > 0 {
                // Rows have come in by then, however slowly.
                true => {
                    self.world.cycle + 600 + 16 * self.world.c.beats(self.world.c.max_keys) as u64
                }
                false => 0,
            };
        }
        self.world.expected.extend(script.rows);
        let mut errors = script.errors;
        if late {
            self.world.sources[0].rate = 255;
            errors.insert("load_timeout");
        }
        let held = wrong.is_none() && !late && self.world.random.random_bool(0.1);
        if held {
            self.hold_rows(play.heads.len() == 1, &mut errors);
        }
        if let Some((register, right)) = wrong {
            for source in &mut self.world.sources {
                source.rate = 255;
            }
            self.stay(40);
            errors.insert("bad_length");
            self.set(register, right);
        }
        let reset = !calm && self.world.random.random_bool(0.2);
        if reset {
            let some = self.world.random.random_range(1..400);
            self.stay(some);
            return self.reset();
        }
        for _ in 0..self.world.random.random_range(0..4) {
            self.pester(&mut errors);
        }
        self.world.finish();
        self.stay(4);
        let (status, _) = self.world.read(offset::STATUS);
        assert_eq!(status, 0, "{}: STATUS when all is done", self.world.c.name);
        self.check_errors(&errors, &script.tolerated);
        let (rows, _) = self
            .world
            .read(logattn_hdl::attention_core::COUNTERS_OFFSET + 4);
        assert_eq!(rows, self.world.rows_out, "COUNT_ROWS");
        self.world.settle_accounts();
    }

    fn stay(&mut self, cycles: u32) {
        for _ in 0..cycles {
            self.world.step();
        }
    }

    /// Ends an episode by `CONTROL.reset`, with packets under way, or by `rst`.
    fn reset(&mut self) {
        if self.world.random.random_bool(0.5) {
            self.world.hard_reset();
            return self.check_reset_values();
        }
        self.world.careless = true;
        if self.world.random.random_bool(0.4) {
            return self.forget();
        }
        self.set(offset::CONTROL, RESET);
        for source in &mut self.world.sources {
            // Packets that have begun are brought to their end, now or after the reset.
            source.from = 0;
            let packet = packets(&source.queue).next().unwrap_or(0);
            let begun = source.inside || source.is_offering();
            source.queue.truncate(if begun { packet } else { 0 });
        }
        self.world.forget();
        if self.world.random.random_bool(0.5) {
            self.world.finish();
        }
        self.set(offset::CONTROL, 0);
        self.world.finish();
        self.stay(4);
        let (status, _) = self.world.read(offset::STATUS);
        assert_eq!(status, 0, "STATUS after a reset");
        self.set(offset::ERRORS, u32::MAX);
        self.world.forget();
    }

    /// Every register is what the map says after `rst`, and can be read.
    fn check_reset_values(&mut self) {
        for register in self.map.registers.clone() {
            let (value, response) = self.world.read(register.offset);
            assert_eq!(response, 0, "{}", register.name);
            if !register.name.starts_with("COUNT_") {
                assert_eq!(value, register.reset(), "{} after rst", register.name);
            }
        }
    }

    /// Rows come when values and keys of a head are there: until then nothing is busy, but the head
    /// is open and its lengths are locked.
    fn hold_rows(&mut self, one_head: bool, errors: &mut BTreeSet<&'static str>) {
        self.world.sources[0].from = u64::MAX;
        while self.world.sources[1..].iter().any(|source| !source.loaded) {
            self.world.step();
        }
        self.stay(2);
        let (status, _) = self.world.read(offset::STATUS);
        // The next head's values may be too many.
        assert_eq!(
            status & 3,
            2,
            "{}: STATUS with a loaded head",
            self.world.c.name
        );
        let registers = [offset::HEAD_KEYS, offset::HEAD_BLOCKS];
        let pick = self.world.random.random_range(0..registers.len());
        self.set(registers[pick], 1);
        errors.insert("write_locked");
        if one_head {
            // Nothing is waited for.
            self.set(offset::LOAD_TIMEOUT, 2);
        }
        self.world.sources[0].from = 0;
    }

    /// The senders are reset as well, wherever they are in a packet.
    fn forget(&mut self) {
        self.set(offset::CONTROL, RESET | FORGET);
        for source in &mut self.world.sources {
            source.give_up();
        }
        self.stay(2);
        self.world.forget();
        self.set(offset::CONTROL, 0);
        self.stay(4);
        let (status, _) = self.world.read(offset::STATUS);
        assert_eq!(status, 0, "STATUS after senders were forgotten");
        self.set(offset::ERRORS, u32::MAX);
    }

    fn run(&mut self, cycles: u64) {
        let mut episodes = 0;
        while self.world.cycle < cycles {
            self.episode();
            episodes += 1;
        }
        println!(
            "{}: {} cycles, {episodes} episodes",
            self.world.c.name, self.world.cycle
        );
    }
}

/// A core for so many cycles.
pub fn fuzz(device: impl Device, c: &Configuration, seed: u64, cycles: u64) {
    Fuzzer::new(device, c, seed).run(cycles);
}

#[test]
fn random_small_cores() {
    for seed in 0..30 {
        let c = configuration(seed);
        fuzz(evaluated_core(&c).expect("elaborates"), &c, seed, 20_000);
    }
}
