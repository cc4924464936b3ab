//! The Verilator bridge on a small hand-written design: what goes in by its ports must come out
//! as the Verilog says, computed here a second time in plain Rust.
//!
//! Without Verilator these tests say that they are skipped; with `LOGATTN_REQUIRE_TOOLS=1` they
//! fail instead.

use std::{env, fs, os::unix::fs::symlink, path::Path, process::Command, thread};

use logattn_testbenches::verilator::{
    BuildRequest, Model, PortSpec, PowerUp, Verilator, VerilatorError, iverilog_lint,
};

/// A counter, a 100-bit shift register (four words, the last of 4 bits), and a memory of eight
/// 100-bit words.
const SAMPLE: &str = r#"// SPDX-License-Identifier: Apache-2.0
`default_nettype none
module sample (
    input  wire         clk,
    input  wire         rst,
    input  wire         bit_in,
    input  wire         write,
    input  wire [2:0]   address,
    input  wire [99:0]  data_in,
    output reg  [39:0]  count,
    output wire [11:0]  count_next,
    output reg  [99:0]  chain,
    output reg  [99:0]  data_out,
    output reg  [16:0]  unreset
);
    reg [99:0] memory [0:7];
    assign count_next = count[11:0] + {11'd0, bit_in};
    always @(posedge clk) begin
        count <= count + 40'd1;
        chain <= {chain[98:0], bit_in};
        unreset <= unreset;
        data_out <= memory[address];
        if (write) memory[address] <= data_in;
        if (rst) begin
            count <= 40'd0;
            chain <= 100'd0;
        end
    end
endmodule
`default_nettype wire
"#;

fn sample_sources() -> Vec<(String, String)> {
    vec![("sample.v".to_string(), SAMPLE.to_string())]
}

fn sample_ports() -> Vec<PortSpec> {
    [
        ("clk", 1),
        ("rst", 1),
        ("bit_in", 1),
        ("write", 1),
        ("address", 3),
        ("data_in", 100),
        ("count", 40),
        ("count_next", 12),
        ("chain", 100),
        ("data_out", 100),
        ("unreset", 17),
    ]
    .map(|(name, width)| PortSpec::new(name, width))
    .into()
}

/// Verilator, or `None` with a word about it.
fn verilator() -> Option<Verilator> {
    match Verilator::find() {
        Ok(verilator) => Some(verilator),
        Err(error) if env::var_os("LOGATTN_REQUIRE_TOOLS").is_none_or(|value| value != "1") => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn request<'a>(
    sources: &'a [(String, String)],
    ports: &'a [PortSpec],
    waves: bool,
) -> BuildRequest<'a> {
    BuildRequest {
        top: "sample",
        sources,
        ports,
        waves,
        allow_warnings: false,
        quick: false,
        activity: false,
    }
}

fn sample(cache: &Path, verilator: &Verilator, waves: bool, power_up: PowerUp) -> Model {
    let (sources, ports) = (sample_sources(), sample_ports());
    let library = verilator.build(&request(&sources, &ports, waves), cache);
    Model::load(&library.unwrap(), &ports, power_up).unwrap()
}

/// A cache that outlives the tests, for those that do not look at what it holds.
fn shared_cache() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/verilated"))
}

/// A cache without models. It borrows the shared one's run-time library, whose build takes
/// several times as long as the sample's.
fn fresh_cache(verilator: &Verilator) -> tempfile::TempDir {
    sample(shared_cache(), verilator, false, PowerUp::Zero);
    let cache = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(shared_cache()).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if name.to_string_lossy().starts_with("runtime-") {
            symlink(path, cache.path().join(name)).unwrap();
        }
    }
    cache
}

/// A sequence of numbers without a pattern (xorshift, Marsaglia 2003).
fn noise(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn words(value: u128) -> [u32; 4] {
    [0, 32, 64, 96].map(|shift| (value >> shift) as u32)
}

#[test]
fn every_port_carries_what_the_verilog_says() {
    let Some(verilator) = verilator() else { return };
    let mut model = sample(shared_cache(), &verilator, false, PowerUp::Random(7));
    let port = |name: &str| model.port(name).unwrap();
    let [rst, bit_in, write, address, data_in] =
        ["rst", "bit_in", "write", "address", "data_in"].map(port);
    let [count, count_next, chain, data_out] =
        ["count", "count_next", "chain", "data_out"].map(port);
    let mask = (1u128 << 100) - 1;
    let (mut memory, mut shifted, mut counted) = ([0u128; 8], 0u128, 0u64);

    model.set(write, 1);
    for index in 0..8 {
        model.set(address, index);
        model.set_words(data_in, &[]);
        model.cycle();
    }
    model.set(rst, 1);
    model.cycle();
    model.set(rst, 0);

    let mut state = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..5_000 {
        let (bit, place, writes) = (
            noise(&mut state) & 1,
            noise(&mut state) & 7,
            noise(&mut state) & 1,
        );
        let data = (u128::from(noise(&mut state)) << 64 | u128::from(noise(&mut state))) & mask;
        model.set(bit_in, bit);
        model.set(address, place);
        model.set(write, writes);
        // Bits beyond the port's must not reach the memory, so they are set here.
        model.set_words(data_in, &words(data | !mask));
        model.settle();
        assert_eq!(model.get(count), counted);
        assert_eq!(model.get(count_next), (counted + bit) & 0xfff);
        model.rise();
        counted += 1;
        shifted = (shifted << 1 | u128::from(bit)) & mask;
        let read = memory[place as usize];
        if writes == 1 {
            memory[place as usize] = data;
        }
        assert_eq!(model.wide(chain).unwrap(), words(shifted));
        assert_eq!(model.wide(data_out).unwrap(), words(read));
        assert_eq!(model.get(chain), shifted as u64);
    }
}

#[test]
fn fields_of_a_port_are_read_and_written_alone() {
    let Some(verilator) = verilator() else { return };
    let mut model = sample(shared_cache(), &verilator, false, PowerUp::Zero);
    let data = model.port("data_in").unwrap();
    let address = model.port("address").unwrap();
    let mut state = 1;
    let mut expected = 0u128;
    for _ in 0..20_000 {
        let offset = (noise(&mut state) % 104) as u32;
        let width = (noise(&mut state) % 64 + 1) as u32;
        let value = noise(&mut state);
        model.set_field(data, offset, width, value);
        for bit in (0..width).filter(|bit| offset + bit < 100) {
            let place = 1u128 << (offset + bit);
            expected = if value >> bit & 1 == 1 {
                expected | place
            } else {
                expected & !place
            };
        }
        assert_eq!(model.wide(data).unwrap(), words(expected));
        let read = (expected >> offset) as u64 & (u64::MAX >> (64 - width));
        assert_eq!(model.field(data, offset, width), read);
        let negative = read >> (width - 1) & 1 == 1;
        let signed = i128::from(read) - if negative { 1i128 << width } else { 0 };
        assert_eq!(i128::from(model.signed_field(data, offset, width)), signed);
    }
    model.set_field(address, 1, 5, 0b11_110);
    assert_eq!(
        model.get(address),
        0b100,
        "bits beyond a narrow port are dropped"
    );
    assert_eq!(
        (model.field(address, 2, 64), model.field(address, 64, 1)),
        (1, 0)
    );
    model.set(address, 0xffff);
    assert_eq!(model.get(address), 7);
    model.set(data, u64::MAX);
    assert_eq!(model.wide(data).unwrap(), [u32::MAX, u32::MAX, 0, 0]);
}

#[test]
fn power_up_is_zero_or_follows_the_seed() {
    let Some(verilator) = verilator() else { return };
    let unreset = |power_up| {
        let mut model = sample(shared_cache(), &verilator, false, power_up);
        model.cycle();
        model.get(model.port("unreset").unwrap())
    };
    assert_eq!(unreset(PowerUp::Zero), 0);
    let values: Vec<u64> = (0..8).map(|seed| unreset(PowerUp::Random(seed))).collect();
    assert!(
        values.windows(2).any(|pair| pair[0] != pair[1]),
        "{values:?}"
    );
    assert_eq!(unreset(PowerUp::Random(3)), values[3]);
    unreset(PowerUp::Random(u32::MAX));
}

#[test]
fn the_first_rising_edge_counts() {
    let Some(verilator) = verilator() else { return };
    let mut model = sample(shared_cache(), &verilator, false, PowerUp::Zero);
    model.rise();
    assert_eq!(model.get(model.port("count").unwrap()), 1);
}

#[test]
fn waves_show_every_cycle() {
    let Some(verilator) = verilator() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut model = sample(shared_cache(), &verilator, true, PowerUp::Zero);
    let file = directory.path().join("sample.vcd");
    let absent = directory.path().join("absent/sample.vcd");
    assert!(matches!(
        model.waves_open(&absent),
        Err(VerilatorError::WaveFile { .. })
    ));
    model.waves_open(&file).unwrap();
    for _ in 0..20 {
        model.cycle();
    }
    model.waves_close();
    model.cycle();
    let text = fs::read_to_string(&file).unwrap();
    let clock = text.lines().find(|line| line.contains(" clk ")).unwrap();
    let id = clock.split_whitespace().nth(3).unwrap();
    assert_eq!(
        text.lines()
            .filter(|line| *line == format!("1{id}"))
            .count(),
        20
    );
    assert!(text.contains("$timescale 1ns"), "{text}");
    assert!(text.contains(" chain [99:0]"), "{text}");
    assert_eq!(
        text.lines().rfind(|line| line.starts_with('#')),
        Some("#195")
    );
}

#[test]
fn a_model_without_waves_says_so() {
    let Some(verilator) = verilator() else { return };
    let mut model = sample(shared_cache(), &verilator, false, PowerUp::Zero);
    let refusal = model.waves_open(&shared_cache().join("sample.vcd"));
    assert!(matches!(refusal, Err(VerilatorError::NoWaves)));
}

#[test]
fn threads_share_one_build_and_models_do_not_share_state() {
    let Some(verilator) = verilator() else { return };
    let cache = fresh_cache(&verilator);
    // The model runs in another thread than the one that made it.
    let run = |cycles| {
        let mut model = sample(cache.path(), &verilator, false, PowerUp::Zero);
        let work = move || {
            (0..cycles).for_each(|_| model.cycle());
            model.get(model.port("count").unwrap())
        };
        thread::spawn(work).join().unwrap()
    };
    let counts = thread::scope(|scope| {
        let run = &run;
        let handles = [10, 2_000, 300].map(|cycles| scope.spawn(move || run(cycles)));
        handles.map(|handle| handle.join().unwrap())
    });
    assert_eq!(counts, [10, 2_000, 300]);
    assert_eq!(libraries(cache.path()).len(), 1);
}

fn libraries(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".so"))
        .collect()
}

#[test]
fn an_equal_request_is_not_built_again() {
    let Some(verilator) = verilator() else { return };
    let cache = fresh_cache(&verilator);
    let (mut sources, ports) = (sample_sources(), sample_ports());
    let first = verilator
        .build(&request(&sources, &ports, false), cache.path())
        .unwrap();
    // A mark that a second build would remove.
    let mut bytes = fs::read(&first).unwrap();
    bytes.extend(b"mark");
    fs::write(&first, &bytes).unwrap();
    let second = verilator
        .build(&request(&sources, &ports, false), cache.path())
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(fs::read(&second).unwrap(), bytes);
    assert_eq!(libraries(cache.path()).len(), 1);

    sources[0].1 = SAMPLE.replace("40'd1;", "40'd2;");
    let third = verilator
        .build(&request(&sources, &ports, false), cache.path())
        .unwrap();
    assert_ne!(third, first);
    let mut model = Model::load(&third, &ports, PowerUp::Zero).unwrap();
    (0..3).for_each(|_| model.cycle());
    assert_eq!(model.get(model.port("count").unwrap()), 6);
    let rest: Vec<_> = fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".so"))
        .collect();
    assert!(
        rest.iter().all(|name| name.starts_with("runtime-")),
        "left behind: {rest:?}"
    );
}

/// The error of building `text` with the sample's ports.
fn build_error(verilator: &Verilator, text: &str, ports: &[PortSpec]) -> VerilatorError {
    let cache = tempfile::tempdir().unwrap();
    let sources = [("sample.v".to_string(), text.to_string())];
    let error = verilator
        .build(&request(&sources, ports, false), cache.path())
        .unwrap_err();
    assert!(libraries(cache.path()).is_empty());
    error
}

#[test]
fn a_failing_build_tells_why() {
    let Some(verilator) = verilator() else { return };
    let broken = SAMPLE.replace("40'd1;", "40'd1 +;");
    let error = build_error(&verilator, &broken, &sample_ports()).to_string();
    assert!(
        error.contains("syntax error") && error.contains("sample.v:19"),
        "{error}"
    );
}

#[test]
fn a_warning_fails_the_build_unless_it_is_let_through() {
    let Some(verilator) = verilator() else { return };
    let text = SAMPLE.replace("40'd1;", "8'd1;");
    let error = build_error(&verilator, &text, &sample_ports()).to_string();
    assert!(error.contains("%Warning-WIDTH"), "{error}");

    let cache = fresh_cache(&verilator);
    let (sources, ports) = ([("sample.v".to_string(), text)], sample_ports());
    let lenient = BuildRequest {
        allow_warnings: true,
        ..request(&sources, &ports, false)
    };
    verilator.build(&lenient, cache.path()).unwrap();
}

#[test]
fn ports_that_the_design_does_not_have_are_refused() {
    let Some(verilator) = verilator() else { return };
    let error = build_error(&verilator, SAMPLE, &[PortSpec::new("absent", 1)]);
    assert!(matches!(error, VerilatorError::UnknownPort { ref name, .. } if name == "absent"));
    let error = build_error(&verilator, SAMPLE, &[PortSpec::new("chain", 99)]);
    let message = "port `chain` of `sample` is 100 bits wide, not 99";
    assert_eq!(error.to_string(), message);

    let model = sample(shared_cache(), &verilator, false, PowerUp::Zero);
    assert!(matches!(
        model.port("absent"),
        Err(VerilatorError::UnknownPort { .. })
    ));
}

#[test]
fn a_source_s_name_must_stay_in_its_directory() {
    let Some(verilator) = verilator() else { return };
    for name in ["../sample.v", "a/b.v", "", "-f"] {
        let sources = [(name.to_string(), SAMPLE.to_string())];
        let error = verilator.lint(&sources, "sample").unwrap_err();
        assert!(
            matches!(error, VerilatorError::SourceName { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn verilator_s_lint_is_silent_or_names_the_fault() {
    let Some(verilator) = verilator() else { return };
    assert_eq!(verilator.lint(&sample_sources(), "sample").unwrap(), None);
    let sources = [("sample.v".to_string(), SAMPLE.replace("40'd1;", "8'd1;"))];
    let warnings = verilator.lint(&sources, "sample").unwrap().unwrap();
    assert!(warnings.contains("%Warning-WIDTH"), "{warnings}");
}

#[test]
fn iverilog_s_lint_is_silent_or_names_the_fault() {
    let fault = [(
        "sample.v".to_string(),
        SAMPLE.replace("chain[98:0]", "absent"),
    )];
    match iverilog_lint(&sample_sources(), "sample") {
        Ok(clean) => assert_eq!(clean, None),
        Err(error) if env::var_os("LOGATTN_REQUIRE_TOOLS").is_none_or(|value| value != "1") => {
            return println!("skipped: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    let warnings = iverilog_lint(&fault, "sample").unwrap().unwrap();
    assert!(warnings.contains("absent"), "{warnings}");
}

#[test]
fn a_file_that_is_no_model_does_not_load() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.so");
    fs::write(&file, "no library").unwrap();
    let error = Model::load(&file, &[], PowerUp::Zero).err();
    assert!(matches!(error, Some(VerilatorError::Load { .. })));
}

/// Runs [`environment_probe`] in a process of its own with one variable set.
fn probe(variable: &str, value: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "environment_probe", "--nocapture"])
        .env("LOGATTN_PROBE", "1")
        .env(variable, value)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Says what comes of a build in this environment; does nothing unless [`probe`] started it.
#[test]
fn environment_probe() {
    if env::var_os("LOGATTN_PROBE").is_none() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let (sources, ports) = (sample_sources(), sample_ports());
    let built = Verilator::find()
        .and_then(|verilator| verilator.build(&request(&sources, &ports, false), cache.path()));
    match built {
        Ok(_) => println!("built"),
        Err(error) => println!("error: {error}"),
    }
}

#[test]
fn a_named_verilator_that_is_absent_is_reported() {
    let said = probe("LOGATTN_VERILATOR", "/nonexistent/verilator");
    assert!(said.contains("error: Verilator not found"), "{said}");
    assert!(
        said.contains("/nonexistent/verilator") && said.contains("scripts/setup"),
        "{said}"
    );
}

#[test]
fn a_compiler_that_is_absent_is_reported() {
    if verilator().is_none() {
        return;
    }
    let said = probe("CXX", "no-such-compiler");
    assert!(
        said.contains("error: `no-such-compiler` not found"),
        "{said}"
    );
    assert!(said.contains("apt-get install g++"), "{said}");
}
