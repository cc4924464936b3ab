//! What a workload refuses.

use logattn_golden::Configuration;
use logattn_sim::{BlockRows, Ports, SimulationError, Workload, simulate};

fn refused(name: &str, keys: usize, block: BlockRows<&[&[u8]]>) -> SimulationError {
    let c = Configuration::named(name).expect("known");
    let mut workload = Workload::new(&c);
    workload.push_head(keys, [block]).expect_err("refused")
}

#[test]
fn blocks_that_no_packet_can_be() {
    let row_length = |row, found| SimulationError::RowLength {
        head: 0,
        row,
        found,
        keys: 3,
    };
    let refused = |rows: &[&[u8]]| refused("server_scores", 3, BlockRows::new(3, rows));
    assert_eq!(refused(&[]), row_length(0, 0));
    assert_eq!(refused(&[&[]]), row_length(0, 0));
    assert_eq!(refused(&[&[0; 4]]), row_length(0, 4));
    assert_eq!(refused(&[&[0; 3], &[0; 2]]), row_length(1, 2));
}

#[test]
fn a_largest_key_that_is_not_sent() {
    let block = BlockRows::new(3, &[&[0_u8; 3] as &[u8]] as &[&[u8]]).with_largest(Some(3));
    let expected = SimulationError::LargestKey {
        head: 0,
        row: 0,
        found: 3,
        keys: 3,
    };
    assert_eq!(refused("base_scores", 4, block), expected);
}

#[test]
fn a_workload_for_another_normalization() {
    let c = Configuration::named("base_scores").expect("known");
    let mut other = Configuration::named("base_probabilities").expect("known");
    other.keys_per_beat = c.keys_per_beat;
    let found = simulate(&other, &Workload::new(&c), &Ports::free());
    let expected = SimulationError::Shape {
        field: "normalize",
        found: "complement".to_owned(),
        expected: "another".to_owned(),
    };
    assert_eq!(found, Err(expected));
}
