# {{ comment }}
# Out-of-context synthesis with Vivado; utilization and timing as CSV.
#
#   vivado -mode batch -source vivado/synthesize.tcl -tclargs ?PART? ?PERIOD? ?FLOW? ?OUT?
#
# PART    device, default {{ vivado_part }}
# PERIOD  clock period in ns, default {{ period }}
# FLOW    synthesis, or implementation: places and routes as well; default synthesis
# OUT     folder of the results, default vivado/out
#
# No Vivado was at hand when this was written: the script was run by tclsh with stand-ins for
# Vivado's commands, which check arguments and files, and by no Vivado.

set root [file normalize [file join [file dirname [info script]] ..]]
set top {{ top }}

proc argument {index default} {
    global argv
    if {[info exists argv] && [llength $argv] > $index} {
        return [lindex $argv $index]
    }
    return $default
}

set part [argument 0 {{ vivado_part }}]
set period [argument 1 {{ period }}]
set flow [argument 2 synthesis]
set out [argument 3 [file join $root vivado out]]
if {$flow ni {synthesis implementation}} {
    error "FLOW is synthesis or implementation, not $flow"
}
if {![string is double -strict $period] || $period <= 0} {
    error "PERIOD is a number of ns, not $period"
}

# The files of files.f, whose lines are relative to the folder above.
proc sources {root} {
    set list [open [file join $root files.f]]
    set files {}
    foreach line [split [read $list] \n] {
        if {[string trim $line] ne ""} {
            lappend files [file join $root [string trim $line]]
        }
    }
    close $list
    return $files
}

# The constraints with another period: synthesis is to know it, and delays of ports follow the clock.
proc write_constraints {from to period} {
    set file [open $from]
    set text [read $file]
    close $file
    if {[regsub -all -line {^set period .*$} $text "set period $period" text] != 1} {
        error "$from does not set the period once"
    }
    set file [open $to w]
    puts -nonewline $file $text
    close $file
}

# Cells whose library name matches one of the patterns.
proc count_cells {args} {
    set count 0
    foreach pattern $args {
        incr count [llength [get_cells -quiet -hierarchical -filter "REF_NAME =~ $pattern"]]
    }
    return $count
}

proc write_csv {name rows} {
    set file [open $name w]
    foreach row $rows {
        puts $file [join $row ,]
    }
    close $file
}

proc utilization {} {
    return [list \
        {resource count} \
        [list lut [count_cells LUT*]] \
        [list lut_as_memory [count_cells RAM32* RAM64* RAM128* RAM256* RAMS* RAMD* SRL*]] \
        [list flip_flop [count_cells FDRE FDSE FDCE FDPE]] \
        [list carry [count_cells CARRY* LOOKAHEAD*]] \
        [list block_ram_18k [expr {[count_cells RAMB18*] + 2 * [count_cells RAMB36*]}]] \
        [list dsp [count_cells DSP*]]]
}

# Slack of the worst path from clock to clock, and the frequency that it would allow.
proc timing {period} {
    set path [get_timing_paths -quiet -max_paths 1 -nworst 1 -setup]
    if {[llength $path] == 0} {
        return [list {period_ns slack_ns fmax_mhz from to} [list $period "" "" "" ""]]
    }
    set slack [get_property SLACK $path]
    set fmax [format %.2f [expr {1000.0 / ($period - $slack)}]]
    return [list \
        {period_ns slack_ns fmax_mhz from to} \
        [list $period $slack $fmax [get_property STARTPOINT_PIN $path] [get_property ENDPOINT_PIN $path]]]
}

file mkdir $out
read_verilog [sources $root]
write_constraints [file join $root constraints {{ name }}.xdc] [file join $out {{ name }}.xdc] $period
read_xdc -mode out_of_context [file join $out {{ name }}.xdc]
synth_design -top $top -part $part -mode out_of_context
if {$flow eq "implementation"} {
    opt_design
    place_design
    phys_opt_design
    route_design
}
write_csv [file join $out utilization.csv] [utilization]
write_csv [file join $out timing.csv] [timing $period]
report_utilization -hierarchical -file [file join $out utilization.rpt]
report_timing_summary -file [file join $out timing.rpt]
write_checkpoint -force [file join $out $top.dcp]
puts "$top on $part: results in $out"
