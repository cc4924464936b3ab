//! What stands before a stream of the unit: it lets packets through as they are, in the same
//! cycle, as long as they are what the registers say, and makes one of the right length of others.

use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::bit;

/// How a stream's packets are guarded.
pub(super) struct Guard<'a> {
    /// Name of the stream.
    pub stream: &'a str,
    /// Bits of the index of a beat in its packet; 0 where each packet is one beat.
    pub index_bits: u32,
    /// What becomes of a packet that ends early.
    pub short: Short,
}

/// What becomes of a packet that ends early.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// It goes on as it is.
    Passes,
    /// The same, and it is all right if it ends with the beat of index `least`, an input.
    Flexible,
    /// It is filled up with beats of whatever the data are.
    Filled,
}

/// What a guard remembers.
struct State {
    /// A packet has begun and not ended.
    inside: Signal,
    /// Beats are dropped up to the end of the packet.
    dropping: Signal,
    /// The rest of the packet is made up; only for [`Short::Filled`].
    filling: Option<Signal>,
    /// Index of the beat in hand; absent where each packet is one beat.
    index: Option<Signal>,
}

/// What happens in a cycle.
struct Flow {
    s_valid: Signal,
    s_last: Signal,
    flush: Signal,
    /// The unit takes a beat.
    taken: Signal,
    /// The beat is the last one that a packet can have.
    full: Signal,
    /// The beat is the unit's last one of the packet.
    ends: Signal,
}

/// The guard: `s_*` from outside, `m_*` to the unit; data pass it by.
///
/// Packets begin while `open` is high. With `flush` beats are taken and dropped, and after it up to
/// the end of the packet in hand.
pub(super) fn stream_guard(guard: &Guard) -> Result<Module, NetlistError> {
    let mut builder = Builder::new(
        format!("stream_guard_{}", guard.stream),
        "Gives the unit packets of the length that the registers say.",
    );
    let m = &mut builder;
    let s_valid = m.input("s_valid", bit(), "beat is valid");
    let s_last = m.input("s_last", bit(), "last beat of the packet");
    let m_ready = m.input("m_ready", bit(), "the unit takes the beat");
    let open = m.input("open", bit(), "a packet may begin");
    let flush = m.input("flush", bit(), "beats are dropped");
    let state = state(m, guard);
    let full = match state.index {
        Some(index) => {
            let most = m.input("most", index.ty(), "index of the last beat");
            m.eq(index, most)
        }
        None => m.constant(1, bit()),
    };
    let full = m.name(full, "full");

    let begun = m.or(state.inside, open);
    let drops = m.or(state.dropping, flush);
    let drops = m.name(drops, "drops");
    let keeps = m.not(drops);
    let keeps = m.name(keeps, "keeps");
    let passes = m.and(begun, keeps);
    let passes = match state.filling {
        Some(filling) => {
            let from_outside = m.not(filling);
            m.and(passes, from_outside)
        }
        None => passes,
    };
    let passes = m.name(passes, "passes");
    let offered = m.and(s_valid, passes);
    let (m_valid, ends) = match state.filling {
        Some(filling) => {
            let fills = m.and(filling, keeps);
            (m.or(offered, fills), full)
        }
        None => (offered, m.or(s_last, full)),
    };
    let m_valid = m.name(m_valid, "m_valid");
    let ends = m.name(ends, "m_last");
    let taken = m.and(m_valid, m_ready);
    let taken = m.name(taken, "taken");
    let flow = Flow {
        s_valid,
        s_last,
        flush,
        taken,
        full,
        ends,
    };
    track(m, &state, &flow);
    let (short, long) = errors(m, guard, &state, &flow);

    let goes = m.and(passes, m_ready);
    let s_ready = m.or(goes, drops);
    let at_start = m.not(state.inside);
    let at_start = m.name(at_start, "at_start");
    let begins = m.and(taken, at_start);
    let ended = m.and(taken, ends);
    let waits = m.and_all(&[s_valid, at_start, keeps]);
    m.output("s_ready", s_ready, "beat is taken");
    m.output("m_valid", m_valid, "beat is valid");
    m.output("m_last", ends, "last beat of the packet");
    m.output("takes", taken, "the unit takes a beat");
    m.output(
        "dropping_packet",
        state.dropping,
        "beats are dropped up to the end of the packet",
    );
    m.output(
        "inside_packet",
        state.inside,
        "a packet has begun and not ended",
    );
    m.output(
        "begins",
        begins,
        "the unit takes the first beat of a packet",
    );
    m.output("ended", ended, "the unit takes the last beat of a packet");
    m.output("waits", waits, "a packet wants to begin");
    m.output("too_short", short, "the packet ends too early");
    m.output("too_long", long, "the packet does not end where it should");
    builder.finish()
}

fn state(m: &mut Builder, guard: &Guard) -> State {
    let several = guard.index_bits > 0;
    State {
        inside: m.register_reset("in_packet", bit(), 0),
        dropping: m.register_reset("dropping", bit(), 0),
        filling: (several && guard.short == Short::Filled)
            .then(|| m.register_reset("filling", bit(), 0)),
        index: several.then(|| m.register_reset("index", unsigned(guard.index_bits), 0)),
    }
}

/// Follows the packet.
fn track(m: &mut Builder, state: &State, flow: &Flow) {
    let goes_on = m.not(flow.ends);
    let stays = m.not(flow.flush);
    let next = m.and(goes_on, stays);
    let next = m.name(next, "goes_on");
    let changes = m.or(flow.taken, flow.flush);
    let changes = m.name(changes, "changes");
    m.update_if(state.inside, changes, next);
    if let Some(index) = state.index {
        let one = m.constant(1, index.ty());
        let following = m.add(index, one);
        let zero = m.zero(index.ty());
        let next = m.mux(next, following, zero);
        m.update_if(index, changes, next);
    }
    if let Some(filling) = state.filling {
        let fills = m.or(filling, flow.s_last);
        let next = m.and(fills, next);
        m.update_if(filling, changes, next);
    }

    // The packet from outside goes on after what the unit takes of it as its last beat, or after a
    // beat that is dropped.
    let outside_goes_on = m.not(flow.s_last);
    let outside_goes_on = m.name(outside_goes_on, "outside_goes_on");
    let surplus = m.and_all(&[flow.taken, flow.full, outside_goes_on]);
    let surplus = match state.filling {
        Some(filling) => {
            let from_outside = m.not(filling);
            m.and(surplus, from_outside)
        }
        None => surplus,
    };
    let cut = m.and(flow.flush, state.inside);
    let cut = match state.filling {
        Some(filling) => {
            let from_outside = m.not(filling);
            m.and(cut, from_outside)
        }
        None => cut,
    };
    let pending = m.or_all(&[state.dropping, cut]);
    let drops = m.or(state.dropping, flow.flush);
    let dropped = m.and(drops, flow.s_valid);
    let after = m.mux(dropped, outside_goes_on, pending);
    let next = m.or(after, surplus);
    m.update(state.dropping, next);
}

/// Pulses: the packet is too short, too long.
fn errors(m: &mut Builder, guard: &Guard, state: &State, flow: &Flow) -> (Signal, Signal) {
    let from_outside = match state.filling {
        Some(filling) => {
            let outside = m.not(filling);
            let taken = m.and(flow.taken, outside);
            m.name(taken, "taken_from_outside")
        }
        None => flow.taken,
    };
    let goes_on = m.not(flow.s_last);
    let surplus = m.and(flow.full, goes_on);
    let lacks = m.not(flow.full);
    let (lacks, exceeds) = match (guard.short, state.index) {
        (Short::Flexible, Some(index)) => {
            let least = m.input("least", index.ty(), "index of the last beat that is needed");
            // Of neither length: more likely two packets without an end between them.
            let beyond = m.gt(index, least);
            let odd = m.and_all(&[lacks, beyond, flow.s_last]);
            (m.lt(index, least), m.or(surplus, odd))
        }
        _ => (lacks, surplus),
    };
    let short = m.and_all(&[from_outside, flow.s_last, lacks]);
    let long = m.and(from_outside, exceeds);
    (short, long)
}
