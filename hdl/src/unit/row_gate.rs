//! In front of a value memory and sums that never stall: what keeps a row out until they are free.
//!
//! The sums of a finished row wait until the normalizer takes them, and the first visit of the next
//! row overwrites them. Visits take the same time from here to the sums. So a row may enter when
//! every row before it has been taken, or all but the last one, which the normalizer is ready for:
//! it will take that one as soon as it is finished. From `pipeline_depth` 3 on that is found a cycle
//! before.

use super::{Builder, bit};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;

/// The gate: `open` says whether the visit that is offered may go on to the value memory.
pub(crate) fn row_gate(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "row_gate",
        "Keeps a row's first visit back until the sums will be free for it.",
    );
    let first = m.input("s_first", bit(), "first visit of the row in this pass");
    let last = m.input("s_last", bit(), "last visit of the row in this pass");
    let taken = m.input("s_taken", bit(), "the visit goes on to the value memory");
    let row_done = m.input("row_done", bit(), "the sums are a finished row");
    let rows_taken = m.input("rows_taken", bit(), "the normalizer takes finished rows");

    m.comment("rows whose last visit has passed and that the normalizer has not taken: 0 to 2");
    let rows = m.register_reset("rows", unsigned(2), 0);
    let enters = m.and(taken, last);
    let enters = m.name(enters, "enters");
    let leaves = m.and(row_done, rows_taken);
    let leaves = m.name(leaves, "leaves");
    let counted = |m: &mut Builder, event: Signal| m.extend(event, 2);
    let (more, less) = (counted(&mut m, enters), counted(&mut m, leaves));
    let entered = m.add(rows, more);
    let next = m.sub(entered, less);
    let next = m.name(next, "rows_next");
    m.update(rows, next);

    let inside = m.not(first);
    let open = if wire_registers(c) == 0 {
        let free = sums_free(&mut m, rows, rows_taken);
        m.or(inside, free)
    } else {
        // A row that is taken in this cycle keeps the normalizer from taking the next one.
        let busy = m.not(row_done);
        let will_take = m.and(rows_taken, busy);
        let will_take = m.name(will_take, "will_take");
        let free = sums_free_ahead(&mut m, rows, enters, (leaves, will_take));
        let known = m.register_reset("free_known", bit(), 1);
        m.update(known, free);
        m.or(inside, known)
    };
    m.output("open", open, "the visit may go on");
    m.finish()
}

/// Whether another row may enter: no row is under way, or one that will be taken.
fn sums_free(m: &mut Builder, rows: Signal, taken: Signal) -> Signal {
    let any = m.any(rows);
    let none = m.not(any);
    let one = m.constant(1, rows.ty());
    let is_one = m.eq(rows, one);
    let certain = m.and(is_one, taken);
    let certain = m.name(certain, "certain");
    m.or(none, certain)
}

/// As [`sums_free`] in the cycle after: said by cases, as the sum of the rows would be found by a
/// carry chain.
///
/// # Arguments
/// - `leaves`: the normalizer takes a row, and `will_take` is low.
fn sums_free_ahead(
    m: &mut Builder,
    rows: Signal,
    enters: Signal,
    (leaves, will_take): (Signal, Signal),
) -> Signal {
    let (low, high) = (m.bit(rows, 0), m.bit(rows, 1));
    let (no_low, no_high) = (m.not(low), m.not(high));
    let none = m.and(no_low, no_high);
    let none = m.name(none, "none_under_way");
    let one = m.and(low, no_high);
    let one = m.name(one, "one_under_way");
    let stays = m.not(enters);
    let stays = m.name(stays, "none_enters");
    let leaves_none = m.and_all(&[leaves, one, stays]);
    let kept = m.not(leaves);
    let still_none = m.and_all(&[kept, none, stays]);
    let will_be_one = m.mux(enters, none, one);
    let will_go = m.and(will_be_one, will_take);
    m.or_all(&[leaves_none, still_none, will_go])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::Evaluator;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Rows of random lengths through a pipeline of `registers` cycles, into sums that forget a
    /// row when the next one starts, and a normalizer that is busy for random times: no row is lost,
    /// and none waits where the normalizer is never busy and rows are longer than the way.
    #[test]
    fn no_row_is_overwritten_and_none_waits_without_need() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let cases = [(1, 0), (2, 0), (2, 9), (3, 30), (4, 3)];
        let depths = [1, 3].map(|pipeline_depth| Configuration {
            pipeline_depth,
            ..Configuration::named("base").expect("known")
        });
        let cases = depths.iter().flat_map(|c| cases.map(|case| (c, case)));
        for (c, (registers, most_busy)) in cases {
            let mut device = Evaluator::new(&row_gate(c).expect("builds")).expect("flattens");
            device.set("rst", 1);
            device.clock();
            device.set("rst", 0);
            let (mut way, mut sums, mut busy) = (vec![None; registers], None, 0_u32);
            // A row that is taken keeps the next one out for a cycle if that is found beforehand.
            let later = wire_registers(c) as usize;
            let shortest = if most_busy == 0 {
                registers + 1 + later
            } else {
                1
            };
            let (mut row, mut left, mut length) = (0, shortest, shortest);
            let mut captured = Vec::new();
            for cycle in 0..3000 {
                let ready = busy == 0;
                let (first, last) = (left == length, left == 1);
                device.set("s_first", first.into());
                device.set("s_last", last.into());
                device.set("row_done", u64::from(sums.is_some()));
                device.set("rows_taken", ready.into());
                let offered = rng.random_ratio(9, 10);
                device.settle();
                let passes = offered && device.get("open") == 1;
                assert!(passes || !offered || most_busy > 0, "cycle {cycle}");
                device.set("s_taken", passes.into());
                busy = busy.saturating_sub(1);
                if let (true, Some(done)) = (ready, sums) {
                    captured.push(done);
                    sums = None;
                    busy = rng.random_range(0..=most_busy);
                }
                way.push(passes.then_some((row, first, last)));
                if let Some((row, first, last)) = way.remove(0) {
                    assert!(!(first && sums.is_some()), "row {row} overwrites one");
                    sums = last.then_some(row);
                }
                if passes {
                    left -= 1;
                }
                if left == 0 {
                    row += 1;
                    length = rng.random_range(shortest..=6);
                    left = length;
                }
                device.clock();
            }
            assert!(captured.len() > 100);
            assert!(captured.iter().copied().eq(0..captured.len()));
        }
    }
}
