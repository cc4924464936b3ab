//! The plots, one a file.

pub mod cycles;
pub mod encodings;
pub mod energy;
pub mod histogram;
pub mod roofline;
pub mod sparsity;
pub mod stalls;
pub mod traffic;

use super::canvas::{Canvas, Marker};
use super::frame::Sign;
use super::theme;
use crate::Error;
use logattn_sim::memory::Strategy;
use plotters::style::RGBColor;

/// A plot with what a reader needs beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Name of its file, without extension.
    pub name: &'static str,
    /// What it shows, with the unit.
    pub title: String,
    /// How it is to be read.
    pub caption: String,
    /// The picture, a whole SVG document of fixed size.
    pub svg: String,
}

/// Names of all plots that a page may have, in its order.
pub const PLOT_NAMES: [&str; 11] = [
    "cycles",
    "stalls",
    "sparsity",
    "histogram",
    "traffic",
    "traffic_curves",
    "bandwidth",
    "roofline",
    "energy",
    "energy_total",
    "encodings",
];

/// Pixels from side to side of every plot.
pub(super) const WIDTH: u32 = 960;

impl Plot {
    /// Its file.
    pub fn file(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// Draws one of a height in pixels.
    pub(super) fn draw(
        name: &'static str,
        title: String,
        caption: String,
        height: i32,
        picture: impl FnOnce(&Canvas),
    ) -> Result<Self, Error> {
        let size = (WIDTH, height.unsigned_abs());
        let svg = Canvas::draw(size, &title, picture)
            .map_err(|reason| Error::Plot { plot: name, reason })?;
        Ok(Plot {
            name,
            title,
            caption,
            svg,
        })
    }
}

/// The strategies in the order in which they are always shown.
pub(super) const STRATEGIES: [Strategy; 3] =
    [Strategy::DenseRefetch, Strategy::LoadOnce, Strategy::Skip];

/// Name, marker and color of a strategy, the same in every plot.
pub(super) fn look(strategy: Strategy) -> (&'static str, Marker, RGBColor) {
    match strategy {
        Strategy::DenseRefetch => ("dense re-fetch", Marker::Square, theme::DENSE),
        Strategy::LoadOnce => ("load once", Marker::Diamond, theme::LOAD_ONCE),
        Strategy::Skip => ("skip", Marker::Circle, theme::SKIP),
    }
}

/// Names of the strategies for a legend of curves.
pub(super) fn strategy_signs() -> Vec<(Sign, &'static str)> {
    let sign = |strategy| {
        let (name, marker, color) = look(strategy);
        (Sign::Curve(marker, color), name)
    };
    STRATEGIES.map(sign).to_vec()
}
