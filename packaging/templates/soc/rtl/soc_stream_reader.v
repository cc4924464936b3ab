// SPDX-License-Identifier: Apache-2.0
// A buffer that is written in words of 32 bits and read as an AXI4-Stream, a beat a cycle.
//
// Registers: 0 FIRST, the beat to read next; 1 BEATS of a packet; 2 PACKETS to send, which starts;
// 3 BUSY, read only. FIRST goes on by itself, so the next packets need not set it.
`default_nettype none

module soc_stream_reader #(
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
    input wire buffer_write,
    input wire [DEPTH_BITS + LANE_BITS - 1:0] buffer_word,
    input wire [31:0] data,
    output wire [31:0] register_value,
    output wire [BITS - 1:0] tdata,
    output reg tlast,
    output reg tvalid,
    input wire tready
);
    localparam integer LANES = (BITS + 31) / 32;

    reg [DEPTH_BITS - 1:0] address;
    reg [DEPTH_BITS:0] packet_beats;
    reg [DEPTH_BITS:0] beats_left;
    reg [15:0] packets_left;

    // The memory's output register is tdata: a beat is read when the one before it leaves.
    wire advance = !tvalid || tready;
    wire reading = packets_left != 16'd0;
    wire ending = beats_left == {{DEPTH_BITS{1'b0}}, 1'b1};

    always @(posedge clk) begin
        if (advance) begin
            tvalid <= reading;
            tlast <= ending;
        end
        if (advance && reading) begin
            address <= address + 1'b1;
            beats_left <= ending ? packet_beats : beats_left - 1'b1;
            packets_left <= packets_left - {15'd0, ending};
        end
        if (register_write && register_index == 2'd0) begin
            address <= data[DEPTH_BITS - 1:0];
        end
        if (register_write && register_index == 2'd1) begin
            packet_beats <= data[DEPTH_BITS:0];
            beats_left <= data[DEPTH_BITS:0];
        end
        if (register_write && register_index == 2'd2) begin
            packets_left <= data[15:0];
        end
        if (rst) begin
            tvalid <= 1'b0;
            packets_left <= 16'd0;
        end
    end

    assign register_value =
        register_index == 2'd0 ? {{(32 - DEPTH_BITS){1'b0}}, address} :
        register_index == 2'd1 ? {{(31 - DEPTH_BITS){1'b0}}, packet_beats} :
        register_index == 2'd2 ? {16'd0, packets_left} : {31'd0, reading || tvalid};

    wire [DEPTH_BITS - 1:0] written_beat = buffer_word[LANE_BITS +: DEPTH_BITS];
    wire [31:0] written_lane = {{(32 - LANE_BITS){1'b0}}, buffer_word[LANE_BITS - 1:0]};

    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_lanes
            localparam integer WIDTH = lane == LANES - 1 ? BITS - 32 * (LANES - 1) : 32;
            reg [WIDTH - 1:0] memory [0:2 ** DEPTH_BITS - 1];
            reg [WIDTH - 1:0] beat;

            always @(posedge clk) begin
                if (buffer_write && written_lane == lane) begin
                    memory[written_beat] <= data[WIDTH - 1:0];
                end
                if (advance) begin
                    beat <= memory[address];
                end
            end

            assign tdata[32 * lane +: WIDTH] = beat;
        end
    endgenerate

    // A buffer of few or narrow beats does not need all of them.
    wire unused = &{1'b0, data};
endmodule

`default_nettype wire
