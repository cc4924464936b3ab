//! The page in headless Chromium: without Chromium these tests say that they are skipped; with
//! `LOGATTN_REQUIRE_TOOLS=1` they fail.

use crate::support::{decoder, demo, page};
use logattn_studies::Phase;
use logattn_studies::profile::Page;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Names that distributions give it. On some, one of them is a stub that only says how to install
/// it.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

fn chromium() -> Option<&'static str> {
    let works = |name: &&str| {
        let mut command = Command::new(name);
        let quiet = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    let found = NAMES.into_iter().find(works);
    if found.is_none() {
        let required = std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "none of {NAMES:?} runs; scripts/setup installs chromium"
        );
        eprintln!("skipped: none of {NAMES:?} runs; scripts/setup installs chromium");
    }
    found
}

/// Opens a page: its DOM, and what the browser logs.
fn open(browser: &str, html: &str, directory: &Path) -> (String, String) {
    let file = directory.join("page.html");
    fs::write(&file, html).expect("the page can be written");
    let output: Output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--enable-logging=stderr",
            "--window-size=1100,900",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.join("user").display()
        ))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("the browser runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

/// What a page writes to its console, errors of the page included.
fn console(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect()
}

/// Added to a copy of a page: a line for each plot with its size on the screen, texts beyond its
/// edge and pairs of texts that overlap by more than a pixel.
const PROBE: &str = r#"<pre id="probe"></pre><script>
const report = [];
for (const svg of document.querySelectorAll("figure > svg")) {
  const frame = svg.getBoundingClientRect(), scale = frame.width / svg.viewBox.baseVal.width;
  const boxes = [...svg.querySelectorAll("text")].map(t => [t.getBoundingClientRect(), t.textContent.trim()]);
  const faults = [];
  boxes.forEach(([a, name], i) => {
    if (a.left < frame.left || a.right > frame.right || a.top < frame.top || a.bottom > frame.bottom)
      faults.push(`beyond the edge: ${name}`);
    for (const [b, other] of boxes.slice(i + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      // A line of text is higher than its letters.
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) - 0.3 * Math.min(a.height, b.height);
      if (wide > scale && high > scale) faults.push(`overlap: ${name} / ${other}`);
    }
  });
  const shapes = svg.querySelectorAll("rect, line, polyline, polygon, circle").length;
  report.push(`plot ${Math.round(frame.width)} ${Math.round(frame.height)} ${shapes} ${faults.join("; ")}`);
}
document.getElementById("probe").textContent = report.join("\n") + "\n";
</script></body>"#;

/// That a browser shows all of a page without a complaint, and every plot legibly.
fn assert_shown(browser: &str, name: &str, page: &Page) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let html = page.html();
    let (dom, log) = open(browser, &html, directory.path());
    assert_eq!(console(&log), [""; 0], "{name}");
    let plots = page.plots().count();
    assert_eq!(dom.matches("<svg").count(), plots, "{name}");
    let probed = html.replace("</body>", PROBE);
    let (dom, log) = open(browser, &probed, directory.path());
    assert_eq!(console(&log), [""; 0], "{name}");
    let report: Vec<&str> = dom
        .lines()
        .filter_map(|line| {
            let (_, line) = line.split_once("plot ")?;
            let numbers = line.trim_start_matches(char::is_numeric);
            (numbers.len() < line.len()).then_some(line)
        })
        .collect();
    assert_eq!(report.len(), plots, "{name}: {report:?}");
    for (line, plot) in report.iter().zip(page.plots()) {
        let mut parts = line.splitn(4, ' ');
        let mut number = || {
            parts
                .next()
                .and_then(|n| n.parse::<u32>().ok())
                .unwrap_or(0)
        };
        let (width, height, shapes) = (number(), number(), number());
        assert!(width > 600 && height > 150, "{name}, {}: {line}", plot.name);
        assert!(shapes > 10, "{name}, {}: {line}", plot.name);
        let faults = parts.next().unwrap_or_default();
        assert_eq!(faults, "", "{name}, {}", plot.name);
    }
}

#[test]
fn a_complaint_would_be_noticed() {
    let Some(browser) = chromium() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broken = "<!DOCTYPE html><body><script>missing()</script></body>";
    let (_, log) = open(browser, broken, directory.path());
    assert!(
        console(&log).iter().any(|line| line.contains("missing")),
        "{log}"
    );
}

#[test]
fn an_overlap_would_be_noticed() {
    let Some(browser) = chromium() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = |x: u32| format!("<text x='{x}' y='50'>some words</text>");
    let broken = format!(
        "<!DOCTYPE html><body><figure><svg width='300' height='90' viewBox='0 0 300 90'>{}{}{}</svg></figure></body>",
        text(10),
        text(30),
        text(270)
    );
    let (dom, _) = open(browser, &broken.replace("</body>", PROBE), directory.path());
    assert!(dom.contains("overlap: some words / some words"), "{dom}");
    assert!(dom.contains("beyond the edge: some words"), "{dom}");
}

#[test]
fn the_demo_is_shown() {
    let Some(browser) = chromium() else { return };
    assert_shown(browser, "edge", &page(&demo("edge")));
    assert_shown(browser, "edge_qkv", &page(&demo("edge_qkv")));
}

#[test]
fn a_deep_decoder_is_shown() {
    let Some(browser) = chromium() else { return };
    for phase in [Phase::Prefill, Phase::Decode] {
        assert_shown(browser, phase.name(), &page(&decoder("edge", phase)));
    }
}
