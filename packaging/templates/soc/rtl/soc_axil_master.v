// SPDX-License-Identifier: Apache-2.0
// One access at a time to AXI4-Lite, for a slave that has its own port.
`default_nettype none

module soc_axil_master (
    input wire clk,
    input wire rst,
    input wire access_valid,
    input wire access_write,
    output wire access_done,
    output wire access_error,
    output wire m_axil_awvalid,
    input wire m_axil_awready,
    output wire m_axil_wvalid,
    input wire m_axil_wready,
    input wire [1:0] m_axil_bresp,
    input wire m_axil_bvalid,
    output wire m_axil_bready,
    output wire m_axil_arvalid,
    input wire m_axil_arready,
    input wire [1:0] m_axil_rresp,
    input wire m_axil_rvalid,
    output wire m_axil_rready
);
    // What the slave has taken of this access.
    reg address_taken;
    reg data_taken;

    wire writing = access_valid && access_write;
    wire reading = access_valid && !access_write;

    assign m_axil_awvalid = writing && !address_taken;
    assign m_axil_wvalid = writing && !data_taken;
    assign m_axil_bready = writing;
    assign m_axil_arvalid = reading && !address_taken;
    assign m_axil_rready = reading;
    assign access_done = (writing && m_axil_bvalid) || (reading && m_axil_rvalid);
    assign access_error = access_write ? m_axil_bresp[1] : m_axil_rresp[1];

    always @(posedge clk) begin
        if (rst || access_done) begin
            address_taken <= 1'b0;
            data_taken <= 1'b0;
        end else begin
            if ((m_axil_awvalid && m_axil_awready) || (m_axil_arvalid && m_axil_arready)) begin
                address_taken <= 1'b1;
            end
            if (m_axil_wvalid && m_axil_wready) begin
                data_taken <= 1'b1;
            end
        end
    end

    wire unused = &{1'b0, m_axil_bresp[0], m_axil_rresp[0]};
endmodule

`default_nettype wire
