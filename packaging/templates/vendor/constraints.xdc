# {{ comment }}
# The core alone: one clock, ports timed to a fifth of its period. In a design of your own only the
# clock of that design is wanted, since every port of the core is clocked by clk.
# Its Tcl was run with stand-ins for Vivado's commands; no Vivado was at hand.
set period {{ period }}
create_clock -name clk -period $period [get_ports clk]
set_input_delay -clock clk [expr {0.2 * $period}] [get_ports -filter {DIRECTION == IN && NAME != clk}]
set_output_delay -clock clk [expr {0.2 * $period}] [get_ports -filter {DIRECTION == OUT}]
