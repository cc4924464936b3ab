// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite to one access at a time: `access_valid` and what goes with it stay until the cycle of
// `access_done`. Ready comes in the cycle after valid, from a register: no path leads from an input
// of the port to an output.
`default_nettype none

module soc_bridge (
    input wire clk,
    input wire rst,
    input wire [31:0] s_axil_awaddr,
    input wire [2:0] s_axil_awprot,
    input wire s_axil_awvalid,
    output wire s_axil_awready,
    input wire [31:0] s_axil_wdata,
    input wire [3:0] s_axil_wstrb,
    input wire s_axil_wvalid,
    output wire s_axil_wready,
    output wire [1:0] s_axil_bresp,
    output wire s_axil_bvalid,
    input wire s_axil_bready,
    input wire [31:0] s_axil_araddr,
    input wire [2:0] s_axil_arprot,
    input wire s_axil_arvalid,
    output wire s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0] s_axil_rresp,
    output wire s_axil_rvalid,
    input wire s_axil_rready,
    output wire access_valid,
    output reg access_write,
    output reg [31:0] access_address,
    output reg [31:0] access_data,
    output reg [3:0] access_strobe,
    input wire access_done,
    input wire access_error,
    input wire [31:0] access_result
);
    // A request is taken in this cycle; its access is under way; its response waits to be taken.
    reg take_write;
    reg take_read;
    reg accessing;
    reg responding;
    reg [31:0] result;
    reg error;

    // Writes first: a master that wants to read what it writes waits for the response anyway.
    wire idle = !take_write && !take_read && !accessing && !responding;
    wire write_waits = s_axil_awvalid && s_axil_wvalid;
    wire responded = access_write ? s_axil_bready : s_axil_rready;

    assign s_axil_awready = take_write;
    assign s_axil_wready = take_write;
    assign s_axil_arready = take_read;
    assign s_axil_bvalid = responding && access_write;
    assign s_axil_rvalid = responding && !access_write;
    assign s_axil_bresp = {error, 1'b0};
    assign s_axil_rresp = {error, 1'b0};
    assign s_axil_rdata = result;
    assign access_valid = accessing;

    always @(posedge clk) begin
        if (take_write || take_read) begin
            access_write <= take_write;
            access_address <= take_write ? s_axil_awaddr : s_axil_araddr;
            access_data <= s_axil_wdata;
            access_strobe <= s_axil_wstrb;
        end
        if (access_done) begin
            result <= access_result;
            error <= access_error;
        end
        // A valid that is up stays up until it is taken.
        take_write <= !rst && idle && write_waits;
        take_read <= !rst && idle && !write_waits && s_axil_arvalid;
        if (rst) begin
            accessing <= 1'b0;
            responding <= 1'b0;
        end else if (take_write || take_read) begin
            accessing <= 1'b1;
        end else if (accessing) begin
            accessing <= !access_done;
            responding <= access_done;
        end else if (responded) begin
            responding <= 1'b0;
        end
    end

    wire unused = &{1'b0, s_axil_awprot, s_axil_arprot};
endmodule

`default_nettype wire
