//! Scores from queries and keys: the input of `input = "qkv"`.
//!
//! ```text
//!  s_axis_query --> staged --> query ----------.
//!                                               dot_product --> m_scores
//!  s_axis_key --> key_memory --> a beat of keys '
//! ```
//!
//! A block of `query_block` queries is multiplied with `keys_per_beat` keys in a cycle. Reading
//! such a beat of keys is its *issue*; from there on nothing stalls, so a beat is issued only if
//! there is a place for its scores. The queries of a block are gathered in the staging registers
//! but for the last, whose arrival allows the first issue, so that they are there while the block
//! before is still multiplied. The next block's first issue may follow the last one directly.
//!
//! From `pipeline_depth` 3 on the last query is staged too, with what is sampled with it
//! ([`staging`]), so that an issue does not have to reach the query's stream register.

mod beats;
mod staging;
#[cfg(test)]
mod tests;

use self::beats::Beat;
use self::staging::Staged;
use super::dot_product::{dot_product, saturates, vector_bits};
use super::key_memory::key_memory;
use super::pipeline::{delayed, delayed_valid};
use super::row_lengths::{CAUSAL, illegal_length};
use super::{Builder, Widths, bit, bus, ceil_log2, element, loaded_if};
use crate::netlist::{Instance, Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{
    HEAD_BLOCKS_BITS, SCORE_SHIFT_BITS, extra_registers, score_engine_cycles, tree_stages,
    wire_registers,
};

/// Ports of the query side, or what is staged of them.
#[derive(Clone, Copy)]
struct Queries {
    data: Signal,
    valid: Signal,
    row_length: Signal,
    score_shift: Signal,
    /// Absent with one row a block.
    causal: Option<Signal>,
    /// Keys of the longest row and, where rows have several, whether that is one beat; where they are
    /// known beforehand.
    longest: Option<(Signal, Option<Signal>)>,
    room: Signal,
    row_room: Signal,
}

/// Ports of the key side.
struct Keys {
    data: Signal,
    last: Signal,
    valid: Signal,
    head_blocks: Signal,
}

/// What happens on the query side in this cycle.
struct Events {
    /// The first beat of a block is issued, which takes its last query.
    starts: Signal,
    /// What is to be kept for the block loads, in every cycle if absent: with its start at the
    /// latest, and while nothing reads it before.
    loads: Option<Signal>,
    s_query_ready: Signal,
    /// How many of the block's queries are staged; absent with one row a block.
    staged: Option<Signal>,
}

/// The engine; see the module's documentation. Inputs `room` and `row_room` say whether a beat,
/// and whether the first beat of a block, can be taken [`score_engine_cycles`] after its issue.
pub(crate) fn score_engine(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "score_engine",
        "Scores of the queries of a block and the keys of a beat, one beat a cycle.",
    );
    let ports = query_ports(&mut m, c);
    let keys = key_ports(&mut m, c);
    let issue = m.wire("issue", bit());
    let staged = (wire_registers(c) > 0).then(|| staging::stage(&mut m, c, &ports));
    let queries = staged.as_ref().map_or(ports, |staged| staged.queries);
    let beat = beats::beat(&mut m, c, &w, &queries, issue);
    let memory = key_side(&mut m, c, &keys, &beat, issue)?;
    let queries = match &staged {
        Some(staged) => Queries {
            valid: staged.update(&mut m, &memory),
            ..queries
        },
        None => queries,
    };
    let events = issue_beats(&mut m, c, &queries, &beat, &memory, (issue, &staged));
    let block = match &staged {
        None => query_registers(&mut m, c, &queries, &events),
        Some(staged) => block_registers(&mut m, &events, &staged.block),
    };

    let cycles = score_engine_cycles(c);
    let inside = delayed(&mut m, "inside", beat.inside, cycles);
    let last = delayed(&mut m, "last", beat.last, cycles);
    let valid = delayed_valid(&mut m, "valid", issue, cycles);
    let shift = loaded_if(&mut m, "shift", events.loads, queries.score_shift);
    let (scores, saturated) = dot_products(&mut m, c, &block, &memory, shift)?;

    m.output("s_query_ready", events.s_query_ready, "query is taken");
    m.output("s_key_ready", memory.output("s_key_ready"), "key is taken");
    m.output("issue", issue, "a beat is issued");
    m.output("issue_first", events.starts, "it is its block's first");
    m.output("m_valid", valid, "scores of a beat");
    m.output("m_scores", scores, "scores, key-major");
    m.output(
        "m_inside",
        inside,
        "the key is within the row's length, key-major",
    );
    m.output("m_last", last, "last beat of the block");
    errors(
        &mut m,
        c,
        &queries,
        beat.longest,
        events.starts,
        (valid, inside),
        &saturated,
    );
    m.finish()
}

fn query_ports(m: &mut Builder, c: &Configuration) -> Queries {
    let rows = "; taken with the last query of a block";
    Queries {
        data: m.input(
            "s_query_data",
            unsigned(vector_bits(c)),
            "elements of one query, element 0 lowest",
        ),
        valid: m.input("s_query_valid", bit(), "query is valid"),
        row_length: m.input(
            "row_length",
            unsigned(c.length_bits()),
            format!("keys of the block's rows{rows}"),
        ),
        score_shift: m.input(
            "score_shift",
            unsigned(SCORE_SHIFT_BITS),
            format!("shift of products to the right{rows}"),
        ),
        causal: (c.query_block > 1).then(|| m.input("causal", bit(), CAUSAL)),
        longest: None,
        room: m.input("room", bit(), "there is a place for a beat's scores"),
        row_room: m.input("row_room", bit(), "another block may start"),
    }
}

fn key_ports(m: &mut Builder, c: &Configuration) -> Keys {
    Keys {
        data: m.input(
            "s_key_data",
            unsigned(vector_bits(c)),
            "elements of one key, element 0 lowest",
        ),
        last: m.input("s_key_last", bit(), "last key of the head"),
        valid: m.input("s_key_valid", bit(), "key is valid"),
        head_blocks: m.input(
            "head_blocks",
            unsigned(HEAD_BLOCKS_BITS),
            "query blocks in a head; then the next head's keys are used",
        ),
    }
}

fn key_side(
    m: &mut Builder,
    c: &Configuration,
    keys: &Keys,
    beat: &Beat,
    issue: Signal,
) -> Result<Instance, NetlistError> {
    let mut connections = vec![
        ("s_key_data", keys.data),
        ("s_key_last", keys.last),
        ("s_key_valid", keys.valid),
        ("head_blocks", keys.head_blocks),
        ("read", issue),
        ("last", beat.last),
    ];
    connections.extend(beat.position.map(|position| ("beat", position.index)));
    Ok(m.instance("u_key_memory", &key_memory(c)?, &connections))
}

/// Decides whether a beat is issued, which drives `issue`, and whether a query is taken. Where whole
/// blocks are staged, `queries.valid` says that one is.
fn issue_beats(
    m: &mut Builder,
    c: &Configuration,
    queries: &Queries,
    beat: &Beat,
    memory: &Instance,
    (issue, whole): (Signal, &Option<Staged>),
) -> Events {
    let at_start = beat.position.map(|position| position.first);
    let staged = (c.query_block > 1 && whole.is_none())
        .then(|| m.register_reset("staged", unsigned(ceil_log2(c.query_block)), 0));
    let all_staged = staged.map(|staged| {
        let all = m.all(staged);
        m.name(all, "all_staged")
    });
    // Staged queries know of their keys.
    let loaded = whole.is_none().then(|| memory.output("loaded"));
    let conditions: Vec<Signal> = [queries.room, queries.row_room]
        .into_iter()
        .chain(loaded)
        .chain(at_start)
        .chain(all_staged)
        .collect();
    let may_start = m.and_all(&conditions);
    let may_start = m.name(may_start, "may_start");
    let starts = m.and(may_start, queries.valid);
    let starts = m.name(starts, "issue_first");
    let issued = match at_start {
        Some(at_start) => {
            let under_way = m.not(at_start);
            let continues = m.and(under_way, queries.room);
            m.or(starts, continues)
        }
        None => starts,
    };
    m.drive(issue, issued);

    if let Some(whole) = whole {
        m.drive(whole.starts, starts);
    }
    let s_query_ready = match (staged, all_staged) {
        _ if whole.is_some() => whole.as_ref().map_or(may_start, |whole| whole.ready),
        (Some(staged), Some(all_staged)) => {
            let stages = m.not(all_staged);
            let ready = m.or(stages, may_start);
            let ready = m.name(ready, "s_query_ready");
            let taken = m.and(queries.valid, ready);
            let one = m.constant(1, staged.ty());
            m.comment("the last query of a block is not staged: the count returns to 0 with it");
            let next = m.add(staged, one);
            m.update_if(staged, taken, next);
            ready
        }
        _ => may_start,
    };
    Events {
        starts,
        loads: match extra_registers(c) {
            0 => Some(starts),
            _ => beat.position.map(|position| position.at_start),
        },
        s_query_ready,
        staged,
    }
}

/// The queries of the block whose keys are read, from the cycle after its first issue on.
fn query_registers(
    m: &mut Builder,
    c: &Configuration,
    queries: &Queries,
    events: &Events,
) -> Vec<Signal> {
    let ty = queries.data.ty();
    let staging: Vec<Signal> = (1..c.query_block)
        .map(|row| m.register(format!("staged_{}", row - 1), ty))
        .collect();
    if let Some(staged) = events.staged {
        for (row, register) in staging.iter().enumerate() {
            let index = m.constant(row as u64, staged.ty());
            let own = m.eq(staged, index);
            let stages = m.and(queries.valid, own);
            m.update_if(*register, stages, queries.data);
        }
    }
    let staged: Vec<Signal> = staging.into_iter().chain([queries.data]).collect();
    block_registers(m, events, &staged)
}

/// The registers of the block whose keys are read, loaded from where it is staged.
fn block_registers(m: &mut Builder, events: &Events, staged: &[Signal]) -> Vec<Signal> {
    (staged.iter().enumerate())
        .map(|(row, query)| loaded_if(m, &format!("query_{row}"), events.loads, *query))
        .collect()
}

/// A dot product for each key of the beat and row of the block, key-major: the scores, and for
/// each whether it is saturated (nothing where all products fit).
fn dot_products(
    m: &mut Builder,
    c: &Configuration,
    block: &[Signal],
    memory: &Instance,
    shift: Signal,
) -> Result<(Signal, Vec<Signal>), NetlistError> {
    // The shift of a block goes along with its products and sums.
    let extra = extra_registers(c) + 2 * wire_registers(c);
    let stages = 1 + extra + wire_registers(c) + tree_stages(c, c.head_dimension);
    let shift = delayed(m, "shift", shift, stages);
    let keys = delayed(m, "keys", memory.output("m_keys"), extra);
    let block: Vec<Signal> = (block.iter().enumerate())
        .map(|(row, query)| delayed(m, &format!("multiplied_{row}"), *query, extra))
        .collect();
    let module = dot_product(c)?;
    let (mut scores, mut saturated) = (Vec::new(), Vec::new());
    for place in 0..c.keys_per_beat {
        let key = element(m, keys, place, vector_bits(c));
        for (row, query) in block.iter().enumerate() {
            let instance = m.instance(
                format!("u_dot_product_{place}_{row}"),
                &module,
                &[("query", *query), ("key", key), ("score_shift", shift)],
            );
            scores.push(instance.output("m_score"));
            if saturates(c) {
                saturated.push(instance.output("m_saturated"));
            }
        }
    }
    Ok((bus(m, &scores), saturated))
}

/// The pulses `error_row_length`, the cycle after a block's first issue, and `error_score`, the
/// cycle after the scores.
fn errors(
    m: &mut Builder,
    c: &Configuration,
    queries: &Queries,
    longest: Signal,
    starts: Signal,
    (valid, inside): (Signal, Signal),
    saturated: &[Signal],
) {
    let illegal = illegal_length(m, c, queries.row_length, longest);
    let wrong = m.and(starts, illegal);
    let pulse = m.register_reset("error_row_length", bit(), 0);
    m.update(pulse, wrong);
    m.output(
        "error_row_length",
        pulse,
        "pulse: row_length is 0, or the block's longest row has over max_keys",
    );
    if !saturated.is_empty() {
        let saturated = bus(m, saturated);
        let counted = m.and(saturated, inside);
        let any = m.any(counted);
        let wrong = m.and(valid, any);
        let pulse = m.register_reset("error_score", bit(), 0);
        m.update(pulse, wrong);
        m.output(
            "error_score",
            pulse,
            "pulse: a score within its row's length is saturated",
        );
    }
}
