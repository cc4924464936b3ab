//! A queue whose places are reserved before what comes into it is on its way: nothing in front of it
//! ever stalls.

use super::pipeline::delayed_valid;
use super::places::Counter;
use super::{Builder, bit, ceil_log2};
use crate::netlist::{Module, NetlistError, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::RESERVED_PLACES;

/// The queue `{name}_queue` for words of `width` bits: a place is taken with `s_reserve`, where
/// `room` says that there is one, and its word comes with `s_valid`, in the order in which places
/// are taken. `m_*` gives the words; a word is there two cycles after it came.
pub(crate) fn reserved_queue(
    c: &Configuration,
    name: &str,
    width: u32,
) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        format!("{name}_queue"),
        "Queue whose places are reserved beforehand, so that nothing in front of it stalls.",
    );
    let reserve = m.input("s_reserve", bit(), "a place is taken for a word on its way");
    let data = m.input("s_data", unsigned(width), "incoming word");
    let valid = m.input("s_valid", bit(), "incoming word is valid");
    let m_ready = m.input("m_ready", bit(), "receiver takes the outgoing word");

    let address_bits = ceil_log2(RESERVED_PLACES);
    let read = m.wire("read", bit());
    let mut count = |name: &str, event| Counter::new(&mut m, c, name, address_bits + 1, event);
    let reserved = count("places_reserved", reserve);
    let written = count("words_written", valid);
    let left = count("words_read", read);
    m.comment("a place is free a cycle after its word has been read");
    let leaves = delayed_valid(&mut m, "place_left", read, 1);
    let freed = Counter::new(&mut m, c, "places_left", address_bits + 1, leaves);
    let room = reserved.room(&mut m, "room_now", freed);
    let waiting = written.ahead(&mut m, "waiting", left);

    let memory = m.memory("words", RESERVED_PLACES, width);
    // A word is written after its place has been reserved, and read after it has been written.
    m.memory_exclusive(memory);
    let address = m.slice(written.count, 0, address_bits);
    m.memory_write(memory, valid, address, data);

    let word_valid = m.register_reset("word_valid", bit(), 0);
    let vacant = m.not(word_valid);
    let wanted = m.or(vacant, m_ready);
    let wanted = m.name(wanted, "wanted");
    let reads = m.and(waiting, wanted);
    m.drive(read, reads);
    m.update_if(word_valid, wanted, waiting);
    let address = m.slice(left.count, 0, address_bits);
    let word = m.memory_read(memory, "word", read, address);
    m.output("room", room, "there is a place to reserve");
    m.output("m_data", word, "outgoing word");
    m.output("m_valid", word_valid, "outgoing word is valid");
    m.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::Evaluator;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Words that are `way` cycles on their way come out in order and none is lost; nothing holds
    /// them up where the receiver does not.
    #[test]
    fn words_come_out_in_order_and_at_one_a_cycle() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let c = Configuration::named("base").expect("known");
        for (way, stalls) in [(1, 0.0), (5, 0.0), (3, 0.5), (5, 0.9), (5, 0.1)] {
            let module = reserved_queue(&c, "test", 16).expect("builds");
            let mut device = Evaluator::new(&module).expect("flattens");
            device.set("rst", 1);
            device.clock();
            device.set("rst", 0);
            let (mut on_way, mut next, mut expected) = (vec![None; way], 0, 0);
            for cycle in 0..2000 {
                let ready = !rng.random_bool(stalls);
                device.set("m_ready", ready.into());
                device.settle();
                let reserves = device.get("room") == 1;
                assert!(reserves || stalls > 0.0, "cycle {cycle}");
                device.set("s_reserve", u64::from(reserves));
                on_way.push(reserves.then_some(next));
                next += u64::from(reserves);
                let arrives = on_way.remove(0);
                device.set("s_valid", u64::from(arrives.is_some()));
                device.set("s_data", arrives.unwrap_or(0xdead) & 0xffff);
                device.settle();
                if device.get("m_valid") == 1 {
                    assert_eq!(device.get("m_data"), expected, "cycle {cycle}");
                    expected += u64::from(ready);
                } else {
                    assert!(stalls > 0.0 || cycle < way + 2, "cycle {cycle}");
                }
                device.clock();
            }
            assert!(expected > 150);
        }
    }
}
