//! An example of a system: the core between buffers with DMA, on one AXI4-Lite port.

use crate::templates::render;
use crate::vectors::{Setting, Stream, settings, streams};
use crate::{Contents, PackagedFile, PackagingError};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

/// Most bits of a beat's index in a buffer: a buffer's packet length and index fit its registers.
const MOST_DEPTH_BITS: u32 = 15;

/// A buffer has so many bits of address to itself.
const PAGE_BITS: u32 = 24;

const MODULES: [(&str, &str); 4] = [
    (
        "soc_axil_master.v",
        include_str!("../templates/soc/rtl/soc_axil_master.v"),
    ),
    (
        "soc_bridge.v",
        include_str!("../templates/soc/rtl/soc_bridge.v"),
    ),
    (
        "soc_stream_reader.v",
        include_str!("../templates/soc/rtl/soc_stream_reader.v"),
    ),
    (
        "soc_stream_writer.v",
        include_str!("../templates/soc/rtl/soc_stream_writer.v"),
    ),
];

/// What a stream's buffer and DMA look like.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Buffer {
    name: &'static str,
    output: bool,
    bits: usize,
    /// A beat takes two to so many words.
    lane_bits: u32,
    /// The buffer has two to so many beats.
    depth_bits: u32,
    /// Beats of the buffer.
    depth: usize,
    /// Bytes from a beat to the next.
    stride: usize,
    /// Bits of an address within the buffer.
    address_bits: u32,
    /// The address bits above them, hexadecimal.
    page: String,
    /// Address of the DMA's registers, eight hexadecimal digits.
    registers: String,
    /// Address of the buffer, eight hexadecimal digits.
    buffer: String,
}

impl Buffer {
    fn new(index: usize, stream: &Stream, settings: &[Setting]) -> Self {
        let beats = settings.iter().map(|setting| setting.beats(stream).len());
        // At least 1, so that no bus is of no bits.
        let lane_bits = ceil_log2(stream.bits.div_ceil(32)).max(1);
        let most = MOST_DEPTH_BITS.min(PAGE_BITS - 2 - lane_bits);
        let depth_bits = ceil_log2(beats.max().unwrap_or(1)).clamp(1, most);
        let address_bits = 2 + lane_bits + depth_bits;
        let address = (index + 1) << PAGE_BITS;
        Buffer {
            name: stream.name,
            output: stream.output,
            bits: stream.bits,
            lane_bits,
            depth_bits,
            depth: 1 << depth_bits,
            stride: 4 << lane_bits,
            address_bits,
            page: format!("{:X}", address >> address_bits),
            registers: format!("{:08X}", (index + 1) << 12),
            buffer: format!("{address:08X}"),
        }
    }
}

/// `ceil(log2 n)`, 0 for n <= 1.
fn ceil_log2(n: usize) -> u32 {
    usize::BITS - n.saturating_sub(1).leading_zeros()
}

/// Name of the system's top module.
pub(crate) fn top(contents: &Contents) -> String {
    format!("{}_soc", contents.configuration.name)
}

/// The files of `soc/`. The buffers are as large as the golden vectors need.
///
/// # Errors
/// The configuration is not valid.
pub fn soc(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let settings = settings(&contents.configuration)?;
    let streams = streams(contents);
    let buffers = streams.iter().enumerate();
    let buffers: Vec<Buffer> = buffers
        .map(|(index, stream)| Buffer::new(index, stream, &settings))
        .collect();
    let top = top(contents);
    let values = context! {
        top => &top,
        core => &contents.export.top,
        streams => Value::from(Serde(&buffers)),
    };
    let text = |template: &str| render(template, &values);
    let mut files: Vec<PackagedFile> = MODULES
        .iter()
        .map(|(name, text)| PackagedFile::new(format!("soc/rtl/{name}"), *text))
        .collect();
    files.push(PackagedFile::new(
        format!("soc/rtl/{top}.v"),
        text(include_str!("../templates/soc/soc.v.jinja"))?,
    ));
    files.push(PackagedFile::new(
        "soc/README.md",
        text(include_str!("../templates/soc/README.md.jinja"))?,
    ));
    files.push(PackagedFile::new(
        "soc/test_soc.py",
        include_str!("../templates/soc/test_soc.py"),
    ));
    Ok(files)
}
