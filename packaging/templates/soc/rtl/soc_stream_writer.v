// SPDX-License-Identifier: Apache-2.0
// A buffer that is written by an AXI4-Stream and read in words of 32 bits. A full buffer stops the
// stream.
//
// Registers: 0 CLEAR, write only: forgets everything; 1 BEATS and 2 PACKETS taken since.
`default_nettype none

module soc_stream_writer #(
    // Bits of tdata.
    parameter integer BITS = 64,
    // A beat takes 2^LANE_BITS words of the buffer: at least 1, and enough for BITS.
    parameter integer LANE_BITS = 1,
    // The buffer holds 2^DEPTH_BITS beats; at most 15.
    parameter integer DEPTH_BITS = 8
) (
    input wire clk,
    input wire rst,
    input wire register_write,
    input wire [1:0] register_index,
    input wire [DEPTH_BITS + LANE_BITS - 1:0] buffer_word,
    output wire [31:0] register_value,
    // The word, a cycle after its address.
    output wire [31:0] buffer_value,
    input wire [BITS - 1:0] tdata,
    input wire tlast,
    input wire tvalid,
    output wire tready
);
    localparam integer LANES = (BITS + 31) / 32;
    localparam integer WORDS = 2 ** LANE_BITS;

    reg [DEPTH_BITS:0] beats;
    reg [15:0] packets;

    assign tready = !beats[DEPTH_BITS];
    wire take = tvalid && tready;

    always @(posedge clk) begin
        if (rst || (register_write && register_index == 2'd0)) begin
            beats <= {(DEPTH_BITS + 1){1'b0}};
            packets <= 16'd0;
        end else if (take) begin
            beats <= beats + 1'b1;
            packets <= packets + {15'd0, tlast};
        end
    end

    assign register_value =
        register_index == 2'd1 ? {{(31 - DEPTH_BITS){1'b0}}, beats} :
        register_index == 2'd2 ? {16'd0, packets} : 32'd0;

    wire [DEPTH_BITS - 1:0] read_beat = buffer_word[LANE_BITS +: DEPTH_BITS];
    wire [32 * WORDS - 1:0] words;
    assign buffer_value = words[{buffer_word[LANE_BITS - 1:0], 5'd0} +: 32];

    genvar lane;
    generate
        for (lane = 0; lane < WORDS; lane = lane + 1) begin : gen_lanes
            if (lane < LANES) begin : gen_stored
                localparam integer WIDTH = lane == LANES - 1 ? BITS - 32 * (LANES - 1) : 32;
                reg [WIDTH - 1:0] memory [0:2 ** DEPTH_BITS - 1];
                reg [WIDTH - 1:0] word;

                always @(posedge clk) begin
                    if (take) begin
                        memory[beats[DEPTH_BITS - 1:0]] <= tdata[32 * lane +: WIDTH];
                    end
                    word <= memory[read_beat];
                end

                assign words[32 * lane +: WIDTH] = word;
                if (WIDTH < 32) begin : gen_padded
                    assign words[32 * lane + WIDTH +: 32 - WIDTH] = {(32 - WIDTH){1'b0}};
                end
            end else begin : gen_absent
                assign words[32 * lane +: 32] = 32'd0;
            end
        end
    endgenerate
endmodule

`default_nettype wire
