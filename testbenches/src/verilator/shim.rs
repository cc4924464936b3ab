//! The C++ text between a Verilated model and [`super::Model`].

use std::{collections::BTreeMap, fmt::Write as _};

/// Prefix of every file and class that Verilator writes here.
pub(super) const PREFIX: &str = "Vm";

/// The shim without its ports. Every function takes the `Handle` that `model_new` gave.
/// Waves compile to refusals in a build without them, so that the library's symbols are the same.
const BODY: &str = r#"
struct Handle {
    VerilatedContext context;
    Vm* model = nullptr;
#if VM_TRACE
    Waves* waves = nullptr;
#endif
};

// The run-time library keeps the current context for each thread; the last one that this thread
// saw may be gone. Construction, destruction and opening waves use it; evaluation does not.
static void enter(Handle* handle) { Verilated::threadContextp(&handle->context); }

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* model_new(int random, int seed) {
    Handle* handle = new Handle;
    enter(handle);
    // Power-up values are drawn in the constructor, so these come first.
    handle->context.randReset(random ? 2 : 0);
    handle->context.randSeed(seed);
#if VM_TRACE
    handle->context.traceEverOn(true);
#endif
    handle->model = new Vm(&handle->context, "TOP");
    // Initial blocks run here, with all inputs zero: the first rising edge is then one.
    handle->model->eval();
    return handle;
}

EXPORT int model_waves_close(void* pointer) {
#if VM_TRACE
    Handle* handle = static_cast<Handle*>(pointer);
    if (handle->waves) {
        handle->waves->close();
        delete handle->waves;
        handle->waves = nullptr;
    }
#endif
    return 0;
}

EXPORT void model_delete(void* pointer) {
    Handle* handle = static_cast<Handle*>(pointer);
    enter(handle);
    model_waves_close(pointer);
    handle->model->final();
    delete handle->model;
    delete handle;
}

EXPORT void model_eval(void* pointer) { static_cast<Handle*>(pointer)->model->eval(); }

// 0: open; 1: built without waves; 2: the file cannot be written.
EXPORT int model_waves_open(void* pointer, const char* path) {
#if VM_TRACE
    Handle* handle = static_cast<Handle*>(pointer);
    enter(handle);
    model_waves_close(pointer);
    handle->waves = new Waves;
    handle->model->trace(handle->waves, 99);
    handle->waves->open(path);
    if (handle->waves->isOpen()) return 0;
    delete handle->waves;
    handle->waves = nullptr;
    return 2;
#else
    return 1;
#endif
}

EXPORT void model_waves_dump(void* pointer, unsigned long long time) {
#if VM_TRACE
    Handle* handle = static_cast<Handle*>(pointer);
    handle->context.time(time);
    if (handle->waves) handle->waves->dump(static_cast<uint64_t>(time));
#endif
}
"#;

/// C++ text of the shim for the named ports, which must exist in the model.
pub(super) fn text(ports: &[&str]) -> String {
    let mut text = format!("#include \"{PREFIX}.h\"\n#include \"verilated.h\"\n");
    text += "#if VM_TRACE_VCD\n#include \"verilated_vcd_c.h\"\ntypedef VerilatedVcdC Waves;\n";
    text += "#elif VM_TRACE_SAIF\n#include \"verilated_saif_c.h\"\n";
    text += "typedef VerilatedSaifC Waves;\n#endif\n";
    text += BODY;
    text += "\nEXPORT void* model_port(void* pointer, unsigned index) {\n";
    text += "    Vm& model = *static_cast<Handle*>(pointer)->model;\n    switch (index) {\n";
    for (index, name) in ports.iter().enumerate() {
        let _ = writeln!(text, "    case {index}: return &model.{name};");
    }
    text += "    default: (void)model; return nullptr;\n    }\n}\n";
    text
}

/// Name and width in bits of every port that a Verilated header declares, by lines such as
/// `VL_INW(&data,511,0,16);`.
pub(super) fn ports_of_header(header: &str) -> BTreeMap<String, u32> {
    header.lines().filter_map(port_of_line).collect()
}

fn port_of_line(line: &str) -> Option<(String, u32)> {
    let line = line.trim();
    if !["VL_IN", "VL_OUT", "VL_INOUT"]
        .iter()
        .any(|start| line.starts_with(start))
    {
        return None;
    }
    let (_, arguments) = line.split_once('(')?;
    let mut arguments = arguments.split([',', ')']).map(str::trim);
    let name = arguments.next()?.trim_start_matches('&').to_string();
    let high: u32 = arguments.next()?.parse().ok()?;
    let low: u32 = arguments.next()?.parse().ok()?;
    Some((name, high.checked_sub(low)? + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_either_version_s_header() {
        let header = "    VL_IN8(&clk,0,0);\n    VL_IN(&word,31,0);\n  VL_OUT64(&sum,39,0);\n\
                      VL_OUTW(&wide,1535,0,48);\n    class VL_NOT_FINAL Vm {\n";
        let ports = ports_of_header(header);
        let expected = [("clk", 1), ("sum", 40), ("wide", 1536), ("word", 32)];
        assert_eq!(
            ports,
            expected
                .map(|(name, width)| (name.to_string(), width))
                .into()
        );
    }
}
