# {{ comment }}
# Compilation of the core alone with Quartus, all ports as virtual pins; utilization and timing as
# CSV.
#
#   quartus_sh -t quartus/synthesize.tcl ?FAMILY? ?DEVICE? ?PERIOD? ?OUT?
#
# FAMILY  default "{{ quartus_family }}"
# DEVICE  default {{ quartus_device }}
# PERIOD  clock period in ns, default {{ period }}
# OUT     folder of project and results, default quartus/out
#
# No Quartus was at hand when this was written: the script was run by tclsh with stand-ins for
# Quartus' commands, which check arguments and files, and by no Quartus.

package require ::quartus::project
package require ::quartus::flow
package require ::quartus::report

set root [file normalize [file join [file dirname [info script]] ..]]
set top {{ top }}

proc argument {index default} {
    # Under quartus_sh the arguments are in quartus(args).
    if {[info exists ::quartus(args)] && [llength $::quartus(args)] > $index} {
        return [lindex $::quartus(args) $index]
    }
    return $default
}

set family [argument 0 "{{ quartus_family }}"]
set device [argument 1 {{ quartus_device }}]
set period [argument 2 {{ period }}]
set out [argument 3 [file join $root quartus out]]
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

# Rows of the report panels whose name matches, as CSV; fields with commas are quoted.
proc write_panels {name pattern} {
    set file [open $name w]
    foreach panel [get_report_panel_names] {
        if {![string match $pattern $panel]} {
            continue
        }
        set rows [get_number_of_rows -name $panel]
        for {set row 0} {$row < $rows} {incr row} {
            set fields {}
            foreach field [get_report_panel_row -name $panel -row $row] {
                if {[string first , $field] >= 0 || [string first \" $field] >= 0} {
                    set field \"[string map {\" \"\"} $field]\"
                }
                lappend fields $field
            }
            puts $file [join $fields ,]
        }
    }
    close $file
}

file mkdir $out
cd $out
project_new $top -overwrite
set_global_assignment -name FAMILY $family
set_global_assignment -name DEVICE $device
set_global_assignment -name TOP_LEVEL_ENTITY $top
foreach file [sources $root] {
    set_global_assignment -name VERILOG_FILE $file
}
# The constraint file reads the period from here.
set constraints [open period.sdc w]
puts $constraints "set period $period"
close $constraints
set_global_assignment -name SDC_FILE [file join $out period.sdc]
set_global_assignment -name SDC_FILE [file join $root constraints {{ name }}.sdc]
# The core has more ports than a device has pins.
set_instance_assignment -name VIRTUAL_PIN ON -to *
set_instance_assignment -name VIRTUAL_PIN OFF -to clk
export_assignments
execute_flow -compile
load_report
write_panels [file join $out utilization.csv] "*Fitter Summary"
write_panels [file join $out timing.csv] "*Fmax Summary"
unload_report
project_close
puts "$top on $device: results in $out"
