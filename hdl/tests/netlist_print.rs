//! The Verilog of small modules, as a person would write it.

use logattn_hdl::netlist::{Builder, Module, signed, unsigned};

/// One of each kind of statement.
fn sampler() -> Module {
    let mut m = Builder::new("sampler", "Keeps the last values.\nTwo lines of doc.");
    let enable = m.input("enable", unsigned(1), "take a sample");
    let value = m.input("value", signed(8), "the sample");
    let tag = m.input("tag", unsigned(2), "");
    let count = m.register_reset("count", unsigned(2), 1);
    let valid = m.register_reset("valid", unsigned(1), 0);
    let one = m.constant(1, unsigned(2));
    let next = m.add(count, one);
    m.update(valid, enable);
    m.update_if(count, enable, next);
    m.comment("Half of the value, rounded down.");
    let half = m.shr_by(value, 1);
    let half = m.name(half, "half");
    let previous = m.register("previous", signed(10));
    let wide = m.extend(half, 10);
    m.update_if(previous, enable, wide);
    let tags = m.memory("tags", 4, 2);
    m.memory_write(tags, enable, count, tag);
    let always = m.constant(1, unsigned(1));
    let old_tag = m.memory_read(tags, "old_tag", always, count);
    let sign = m.bit(value, 7);
    let least = m.constant(-2i64 as u64, signed(10));
    let small = m.lt(previous, least);
    let both = m.and(sign, small);
    m.output("valid", valid, "a sample was taken");
    m.output(
        "previous",
        previous,
        "half of the last sample, which is a long story that does not fit",
    );
    m.output("falling", both, "the last two samples were negative");
    m.output(
        "tag_before",
        old_tag,
        "the tag of the sample\nfour samples before",
    );
    m.finish().expect("a legal module")
}

const SAMPLER: &str = r"// SPDX-License-Identifier: Apache-2.0
// Generated.
`default_nettype none

// Keeps the last values.
// Two lines of doc.
module sampler (
    input  wire              clk,         // clock, rising edge
    input  wire              rst,         // synchronous reset, active high
    input  wire              enable,      // take a sample
    input  wire signed [7:0] value,       // the sample
    input  wire [1:0]        tag,
    output reg               valid,       // a sample was taken
    // half of the last sample, which is a long story that does not fit
    output reg  signed [9:0] previous,
    output wire              falling,     // the last two samples were negative
    // the tag of the sample
    // four samples before
    output wire [1:0]        tag_before
);
    reg [1:0] count;
    always @(posedge clk) begin
        if (rst) begin
            valid <= 1'd0;
            count <= 2'd1;
        end else begin
            valid <= enable;
            if (enable) begin
                count <= count + 2'd1;
            end
        end
    end

    // Half of the value, rounded down.
    wire signed [7:0] half = value >>> 1'd1;

    always @(posedge clk) begin
        if (enable) begin
            previous <= {{2{half[7]}}, half};
        end
    end

    reg [1:0] tags [0:3];
    always @(posedge clk) begin
        if (enable) begin
            tags[count] <= tag;
        end
    end

    reg [1:0] old_tag;
    always @(posedge clk) begin
        old_tag <= tags[count];
    end

    assign falling = value[7] & (previous < (-10'sd2));
    assign tag_before = old_tag;
endmodule

`default_nettype wire
";

#[test]
fn a_module_reads_as_if_written_by_hand() {
    let text = sampler().verilog("SPDX-License-Identifier: Apache-2.0\nGenerated.");
    assert_eq!(text, SAMPLER);
}

/// A hierarchy with a combinational top, wide values and deliberately unused bits.
fn pair() -> Module {
    let mut child = Builder::new("inverter", "");
    let data = child.input("data", unsigned(70), "");
    let inverse = child.not(data);
    child.output("inverse", inverse, "");
    let odd = child.parity(data);
    child.output("odd", odd, "");
    let child = child.finish().expect("a legal module");

    let mut m = Builder::new("pair", "");
    let data = m.input("data", unsigned(70), "");
    let other = m.constant_words(&[0x1234_5678_9abc_def0, 0x2f], unsigned(70));
    let one = m.instance("u_one", &child, &[("data", data)]);
    let two = m.instance("u_two", &child, &[("data", other)]);
    let first = m.name(one.output("inverse"), "first");
    let low = m.slice(first, 0, 3);
    let sum = m.concat(&[low, one.output("odd"), two.output("odd")]);
    m.output("sum", sum, "");
    m.unused(first);
    m.unused(two.output("inverse"));
    m.finish().expect("a legal module")
}

const PAIR: &str = r"`default_nettype none

module pair (
    input  wire [69:0] data,
    output wire [4:0]  sum
);
    wire [69:0] first;
    wire one_odd;
    inverter u_one (
        .data(data),
        .inverse(first),
        .odd(one_odd)
    );

    wire [69:0] two_inverse;
    wire two_odd;
    inverter u_two (
        .data(70'h2f123456789abcdef0),
        .inverse(two_inverse),
        .odd(two_odd)
    );

    assign sum = {first[2:0], one_odd, two_odd};

    // Deliberately not read.
    wire unused = &{1'b0, first, two_inverse};
endmodule

`default_nettype wire
";

#[test]
fn instances_are_one_port_a_line() {
    assert_eq!(pair().verilog(""), PAIR);
}

#[test]
fn every_module_of_a_hierarchy_takes_the_prefix() {
    let prefixed = pair().with_prefix("nano");
    let modules = prefixed.hierarchy().expect("no conflict");
    let names: Vec<&str> = modules.iter().map(|module| module.name()).collect();
    assert_eq!(names, ["nano_inverter", "nano_pair"]);
    let expected = PAIR.replace("module pair", "module nano_pair");
    assert_eq!(
        prefixed.verilog(""),
        expected.replace(" inverter ", " nano_inverter ")
    );
}

#[test]
fn long_statements_are_broken_and_the_text_is_the_same_every_time() {
    let build = || {
        let mut m = Builder::new("wide", "");
        let lanes: Vec<_> = (0..40)
            .map(|i| m.input(format!("lane_{i}"), unsigned(4), "a lane"))
            .collect();
        let bus = m.concat(&lanes);
        m.output("bus", bus, "all lanes");
        let any = m.or_all(&lanes);
        m.output("any_lane", any, "all lanes together");
        m.finish().expect("a legal module").verilog("")
    };
    let text = build();
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    assert!(
        text.contains("    assign bus = {lane_0, lane_1, "),
        "{text}"
    );
    assert_eq!(text, build());
}
