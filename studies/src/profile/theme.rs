//! Colors and sizes of the plots.
//!
//! The hues are those that Okabe and Ito chose to be told apart with every kind of color vision;
//! strategies differ by their markers as well. The page's style sheet recolors the neutral ones for
//! a dark background by their values, so a color is written the same way wherever it is used.

use plotters::style::RGBColor;

/// Background.
pub const PAPER: RGBColor = RGBColor(255, 255, 255);
/// Text.
pub const INK: RGBColor = RGBColor(33, 37, 41);
/// Axes and text of second rank.
pub const FAINT: RGBColor = RGBColor(96, 104, 112);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(228, 231, 235);

/// This unit.
pub const UNIT: RGBColor = RGBColor(0, 114, 178);
/// The int8 twin.
pub const TWIN: RGBColor = RGBColor(173, 181, 189);
/// The steady-state bound.
pub const BOUND: RGBColor = RGBColor(213, 94, 0);

/// Load once.
pub const LOAD_ONCE: RGBColor = RGBColor(230, 159, 0);
/// Dense re-fetch.
pub const DENSE: RGBColor = RGBColor(126, 87, 140);
/// Skip.
pub const SKIP: RGBColor = UNIT;

/// Parts of a stack, in order; neighbors differ in lightness, too.
pub const STACK: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(240, 228, 66),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(126, 87, 140),
];

/// A scale of numbers; equal steps of it look like equal steps of the number.
const SEQUENCE: [RGBColor; 6] = [
    RGBColor(255, 250, 225),
    RGBColor(199, 233, 192),
    RGBColor(127, 205, 187),
    RGBColor(65, 182, 196),
    RGBColor(34, 115, 168),
    RGBColor(20, 45, 110),
];

/// Text in a cell of [`sequence`]: the page does not recolor it, as it does not the cell.
pub fn on_sequence(place: f64) -> RGBColor {
    if place > 0.77 {
        RGBColor(254, 254, 254)
    } else {
        RGBColor(1, 1, 1)
    }
}

/// The color at a place of 0 ..= 1 of the scale, light to dark, mixed from its neighbors.
pub fn sequence(place: f64) -> RGBColor {
    let position = place.clamp(0.0, 1.0) * (SEQUENCE.len() - 1) as f64;
    let index = (position as usize).min(SEQUENCE.len() - 2);
    let (from, to, share) = (
        SEQUENCE[index],
        SEQUENCE[index + 1],
        position - index as f64,
    );
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Sizes of text.
pub mod size {
    /// Titles of plots.
    pub const TITLE: u32 = 19;
    /// Labels of axes and legends.
    pub const LABEL: u32 = 16;
    /// Numbers at ticks.
    pub const TICK: u32 = 15;
    /// Numbers in cells and above bars.
    pub const SMALL: u32 = 13;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, WCAG 2.1.
    fn luminance(color: RGBColor) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(color.0) + 0.7152 * linear(color.1) + 0.0722 * linear(color.2)
    }

    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible_on_paper_and_on_every_cell() {
        // WCAG 2.1 AA asks 4.5 of text, 3 of large text and graphics.
        assert!(contrast(INK, PAPER) > 7.0);
        assert!(contrast(FAINT, PAPER) > 4.5);
        for step in 0..=100 {
            let place = f64::from(step) / 100.0;
            let found = contrast(on_sequence(place), sequence(place));
            assert!(found > 4.4, "{found} at {place}");
        }
    }

    /// The style sheet finds colors by their values.
    #[test]
    fn the_page_recolors_colors_that_there_are() {
        let hex = |c: &RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
        let ours = [PAPER, INK, FAINT, GRID, TWIN, UNIT, DENSE];
        let style = include_str!("style.css");
        let recolored: Vec<&str> = style
            .lines()
            .filter(|line| line.trim_start().starts_with("svg ["))
            .filter_map(|line| line.split('"').nth(1))
            .collect();
        assert!(recolored.len() > 10);
        for color in &recolored {
            assert!(ours.iter().any(|our| hex(our) == *color), "{color}");
        }
        for our in &ours {
            assert!(recolored.contains(&hex(our).as_str()), "{}", hex(our));
        }
    }

    #[test]
    fn the_scale_darkens_all_the_way() {
        let steps: Vec<f64> = (0..=50)
            .map(|step| luminance(sequence(f64::from(step) / 50.0)))
            .collect();
        assert!(steps.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn neighbors_in_a_stack_differ_in_lightness() {
        for pair in STACK.windows(2) {
            assert!(contrast(pair[0], pair[1]) > 1.2, "{pair:?}");
        }
    }
}
