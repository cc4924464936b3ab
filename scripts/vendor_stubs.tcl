# SPDX-License-Identifier: Apache-2.0
# Stands in for the commands of Vivado and Quartus that the generated scripts use, so that tclsh can
# run them: every command checks its options and that files are there, and says what it was asked.
# Synthesis wants its clock, and no constraint comes after it.
# Run by vendor_check.py: tclsh vendor_stubs.tcl SCRIPT ARGUMENT...

set script [lindex $argv 0]
set argv [lrange $argv 1 end]
set quartus(args) $argv
set calls {}

# Arguments as {options-with-value options-alone}; gives the remaining ones, or fails.
proc parse {command arguments valued alone} {
    global calls
    lappend calls $command
    set rest {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set argument [lindex $arguments $i]
        if {$argument in $valued} {
            incr i
            if {$i >= [llength $arguments]} { error "$command: no value for $argument" }
            set ::given($command,$argument) [lindex $arguments $i]
        } elseif {$argument in $alone} {
            set ::given($command,$argument) 1
        } elseif {[string match -* $argument]} {
            error "$command: unknown option $argument"
        } else {
            lappend rest $argument
        }
    }
    return $rest
}

proc readable {file} {
    if {![file readable $file]} { error "no such file: $file" }
}

# --- Constraints ---
# A file of constraints sees its own variables and these commands, as in the vendors' tools.
interp create constraints
foreach command {create_clock set_input_delay set_output_delay get_ports all_inputs all_outputs \
        remove_from_collection} {
    interp alias constraints $command {} $command
}
proc constrain {file} {
    readable $file
    interp eval constraints [list source $file]
}
proc create_clock {args} {
    set ports [parse create_clock $args {-name -period} {}]
    if {$ports ne "clk"} { error "create_clock on $ports" }
    if {![string is double -strict $::given(create_clock,-period)]} { error "period" }
    if {[info exists ::synthesized]} { error "create_clock after synthesis" }
    # Vivado ignores what refers to a clock that a later one takes the place of.
    if {[info exists ::clocks($::given(create_clock,-name))]} { error "create_clock once more" }
    set ::clocks($::given(create_clock,-name)) $::given(create_clock,-period)
}
proc delays {command arguments} {
    set rest [parse $command $arguments {-clock} {}]
    if {[llength $rest] != 2 || ![string is double -strict [lindex $rest 0]]} { error "$command $rest" }
    set clock $::given($command,-clock)
    if {![info exists ::clocks($clock)]} { error "$command: no clock $clock" }
    if {abs([lindex $rest 0] - 0.2 * $::clocks($clock)) > 1e-9} { error "$command: not a fifth of the period" }
}
proc set_input_delay {args} { delays set_input_delay $args }
proc set_output_delay {args} { delays set_output_delay $args }
proc all_inputs {} { return {clk rst} }
proc all_outputs {} { return {irq} }
proc remove_from_collection {from what} { return [lsearch -all -inline -not $from $what] }
proc get_ports {args} {
    set names [parse get_ports $args {-filter} {}]
    return [expr {$names eq "" ? "ports" : $names}]
}
# Says which period synthesis goes by.
proc synthesize {} {
    foreach command {create_clock set_input_delay set_output_delay} {
        if {$command ni $::calls} { error "synthesis without $command" }
    }
    set ::synthesized 1
    puts "synthesis: period $::clocks(clk)"
}

# --- Vivado ---
proc read_verilog {args} {
    foreach file [lindex [parse read_verilog $args {} {-sv}] 0] { readable $file }
}
proc read_xdc {args} {
    foreach file [parse read_xdc $args {-mode} {}] { constrain $file }
}
proc synth_design {args} {
    parse synth_design $args {-top -part -mode} {}
    synthesize
}
foreach step {opt_design place_design phys_opt_design route_design} {
    proc $step {} "lappend ::calls $step"
}
proc get_cells {args} {
    parse get_cells $args {-filter} {-quiet -hierarchical}
    return {a b c}
}
proc get_timing_paths {args} {
    parse get_timing_paths $args {-max_paths -nworst} {-quiet -setup}
    return path
}
proc get_property {name object} {
    array set known {SLACK 1.5 STARTPOINT_PIN from/C ENDPOINT_PIN to/D}
    return $known($name)
}
proc report {command arguments alone} {
    parse $command $arguments {-file} $alone
    close [open $::given($command,-file) w]
}
proc report_utilization {args} { report report_utilization $args {-hierarchical} }
proc report_timing_summary {args} { report report_timing_summary $args {} }
proc write_checkpoint {args} { close [open [parse write_checkpoint $args {} {-force}] w] }

# --- Quartus ---
foreach package {project flow report} { package provide ::quartus::$package 1.0 }
proc project_new {args} { parse project_new $args {} {-overwrite} }
proc set_global_assignment {args} {
    set value [parse set_global_assignment $args {-name} {}]
    if {[string match *_FILE $::given(set_global_assignment,-name)]} {
        readable [lindex $value 0]
        if {$::given(set_global_assignment,-name) eq "SDC_FILE"} { constrain [lindex $value 0] }
    }
}
proc set_instance_assignment {args} { parse set_instance_assignment $args {-name -to} {} }
proc export_assignments {} { lappend ::calls export_assignments }
proc execute_flow {args} {
    parse execute_flow $args {} {-compile}
    synthesize
}
proc load_report {} { lappend ::calls load_report }
proc unload_report {} { lappend ::calls unload_report }
proc project_close {} { lappend ::calls project_close }
proc get_report_panel_names {} {
    return [list "Fitter||Fitter Summary" "Flow Summary" \
        "Timing Analyzer||Slow 900mV 100C Model||Slow 900mV 100C Model Fmax Summary"]
}
proc get_number_of_rows {args} { parse get_number_of_rows $args {-name} {}; return 2 }
proc get_report_panel_row {args} {
    parse get_report_panel_row $args {-name -row} {}
    return [list "row $::given(get_report_panel_row,-row)" "1,234 / 5,678"]
}

source $script
puts "calls: [lsort -unique $calls]"
