//! What synthesis needs beside the core: pins, of which a core has more ports than parts have.

use crate::templates::render;
use crate::{Contents, PackagedFile, PackagingError};
use logattn_hdl::attention_core::attention_core;
use logattn_hdl::netlist::{Direction, Port, Role};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

/// A port, and where its bits are in the chain.
#[derive(Serialize)]
struct Slice {
    name: String,
    high: u32,
    low: u32,
}

/// Name of the module that puts a scan chain around the core.
pub(crate) fn top(contents: &Contents) -> String {
    format!("{}_scan", contents.configuration.name)
}

/// The files of `synthesis/`.
///
/// # Errors
/// The configuration is not valid.
pub fn synthesis(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let core = attention_core(&contents.configuration)?;
    let of = |direction| {
        let ports = core.ports().iter();
        slices(ports.filter(move |port| port.direction == direction && port.role != Role::Clock))
    };
    let (inputs, outputs) = (of(Direction::Input), of(Direction::Output));
    let top = top(contents);
    let values = context! {
        top => &top,
        core => &contents.export.top,
        most_in => inputs.last().map(|slice| slice.high),
        most_out => outputs.last().map(|slice| slice.high),
        inputs => Value::from(Serde(&inputs)),
        outputs => Value::from(Serde(&outputs)),
    };
    let template = include_str!("../templates/synthesis/scan.v.jinja");
    let path = format!("synthesis/{top}.v");
    Ok(vec![PackagedFile::new(path, render(template, &values)?)])
}

/// Ports side by side, the first one lowest.
fn slices<'a>(ports: impl Iterator<Item = &'a Port>) -> Vec<Slice> {
    let mut low = 0;
    let slice = |port: &Port| {
        let slice = Slice {
            name: port.name.clone(),
            high: low + port.ty.width() - 1,
            low,
        };
        low += port.ty.width();
        slice
    };
    ports.map(slice).collect()
}
