//! Bytes between external memory and unit, and the cycles that they take.

use super::{Plot, STRATEGIES, look, strategy_signs};
use crate::Error;
use crate::profile::canvas::{Canvas, MARGIN};
use crate::profile::frame::{Frame, legend};
use crate::profile::lollipops::{Group, Line, Lollipops};
use crate::profile::scale::{Scale, bytes, count, digits};
use crate::profile::theme::TWIN;
use crate::study::{KeysTraffic, Phase, StrategyTraffic, Study};
use logattn_sim::memory::{BlockTraffic, Strategy};

const TOP: i32 = 48;
const RIGHT: i32 = 940;

/// Bytes by strategy.
pub fn by_strategy(study: &Study) -> Result<Plot, Error> {
    let caption = format!(
        "Bytes between external memory and unit for everything studied, at the configured query \
         block B = {}, on a logarithmic axis. Keys, values, queries and outputs are the bytes that \
         are asked for; moved is what that takes in whole bursts of {} bytes. Dense re-fetch reads \
         every key and value again for each query block; load once keeps a head's keys and values \
         on chip; skip reads only the values of a block's survivors, but keys in full, since a key's \
         score is needed before it can be pruned.",
        study.shape.query_block, study.traffic.dram.burst_bytes
    );
    let groups: Vec<Group> = study.traffic.strategies.iter().map(moved).collect();
    let chart = Lollipops {
        groups: &groups,
        description: "bytes (logarithmic)",
        label: bytes,
    };
    let title = "External traffic by strategy".into();
    Plot::draw("traffic", title, caption, TOP + chart.height(), |canvas| {
        chart.draw(canvas, TOP);
    })
}

fn moved(of: &StrategyTraffic) -> Group {
    let (name, marker, color) = look(of.strategy);
    let traffic = &of.traffic;
    let kinds = [
        ("keys", traffic.key_bytes),
        ("values", traffic.value_bytes),
        ("queries", traffic.query_bytes),
        ("outputs", traffic.output_bytes),
    ];
    let look = (marker, color);
    let mut lines = vec![Line::new("moved in bursts", traffic.burst_bytes as f64, look).sum()];
    // What a unit does not take never passes.
    let passing = kinds.into_iter().filter(|(_, bytes)| *bytes > 0);
    lines.extend(passing.map(|(kind, bytes)| Line::new(kind, bytes as f64, look)));
    Group {
        name: name.into(),
        lines,
    }
}

/// Cycles under the bandwidth limit, of the unit and of the twin.
pub fn bandwidth(study: &Study) -> Result<Plot, Error> {
    let caption = format!(
        "Clock cycles of everything studied if external memory moves at most {} bytes a cycle, on a \
         logarithmic axis. Memory: the bytes alone. Compute: the bounds of the query blocks alone, \
         without filling and draining at the ends of runs. Together: the next block's fetch goes on \
         while a block is computed (optimistic for skip, which would have to know the next block's \
         survivors that early); with load once the values come before a group's first row, unless \
         there are two value banks. The int8 twin cannot skip.",
        digits(study.traffic.dram.bytes_per_cycle)
    );
    let groups: Vec<Group> = study
        .traffic
        .strategies
        .iter()
        .flat_map(|of| [limited(of, false), limited(of, true)])
        .flatten()
        .collect();
    let chart = Lollipops {
        groups: &groups,
        description: "clock cycles (logarithmic)",
        label: count,
    };
    let title = "Cycles under the bandwidth limit".into();
    Plot::draw(
        "bandwidth",
        title,
        caption,
        TOP + chart.height(),
        |canvas| {
            chart.draw(canvas, TOP);
        },
    )
}

/// Unit or twin with a strategy; nothing where the twin has none.
fn limited(of: &StrategyTraffic, twin: bool) -> Option<Group> {
    let (name, marker, color) = look(of.strategy);
    let (design, bandwidth, color) = match (twin, of.strategy) {
        (false, _) => ("unit", &of.bandwidth, color),
        (true, Strategy::Skip) => return None,
        (true, _) => ("int8 twin", &of.int8_twin_bandwidth, TWIN),
    };
    let look = (marker, color);
    Some(Group {
        name: format!("{design}, {name}"),
        lines: vec![
            Line::new("together", bandwidth.cycles as f64, look).sum(),
            Line::new("compute", bandwidth.compute_cycles as f64, look),
            Line::new("memory", bandwidth.memory_cycles as f64, look),
        ],
    })
}

/// Bytes over the query block and over the number of keys; nothing where neither varies.
pub fn curves(study: &Study) -> Result<Option<Plot>, Error> {
    let panels: Vec<Panel> = [over_block(study), over_keys(study)]
        .into_iter()
        .filter(|panel| panel.curves[0].len() > 1)
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let parts: Vec<&str> = panels.iter().map(|panel| panel.caption.as_str()).collect();
    let caption = format!(
        "Bytes moved in whole bursts, queries and outputs included, on logarithmic axes. {}",
        parts.join(" ")
    );
    let axes: Vec<&str> = panels.iter().map(|panel| panel.over).collect();
    let title = format!("External traffic over {}", axes.join(" and "));
    Plot::draw("traffic_curves", title, caption, 430, |canvas| {
        legend(canvas, (MARGIN, 52), RIGHT, &strategy_signs());
        let width = (RIGHT + MARGIN) / panels.len() as i32;
        for (panel, left) in panels.iter().zip([0, width]) {
            panel.draw(canvas, (left + 92, left + width - MARGIN));
        }
    })
    .map(Some)
}

/// Bytes of a strategy.
pub fn block_bytes(of: &BlockTraffic, strategy: Strategy) -> u64 {
    match strategy {
        Strategy::DenseRefetch => of.dense_refetch_bytes,
        Strategy::LoadOnce => of.load_once_bytes,
        Strategy::Skip => of.skip_bytes,
    }
}

type Curve = Vec<(f64, f64)>;

/// A curve for each of the strategies.
struct Panel {
    /// What varies.
    over: &'static str,
    description: &'static str,
    caption: String,
    curves: [Curve; 3],
    /// The configuration's own, with its name.
    mark: Option<(f64, String)>,
}

fn over_block(study: &Study) -> Panel {
    let curves = STRATEGIES.map(|strategy| -> Curve {
        let point = |of: &BlockTraffic| (of.query_block as f64, block_bytes(of, strategy) as f64);
        study.traffic.by_query_block.iter().map(point).collect()
    });
    let block = study.shape.query_block;
    Panel {
        over: "query block",
        description: "query block B, rows",
        caption: format!(
            "Query block: the rows that share one read of a value; the dashed line is this \
             configuration's, B = {block}."
        ),
        curves,
        mark: Some((block as f64, format!("B = {block}"))),
    }
}

fn over_keys(study: &Study) -> Panel {
    let curve = |bytes: fn(&KeysTraffic) -> u64| -> Curve {
        let point = |of: &KeysTraffic| (of.keys as f64, bytes(of) as f64);
        study.traffic.by_keys.iter().map(point).collect()
    };
    let what = match study.phase {
        Phase::Prefill => "a text of the first N keys",
        Phase::Decode => "one step of every head over N keys in the cache",
    };
    Panel {
        over: "keys",
        description: "keys N",
        caption: format!("Keys: {what}, at the configured B, with the survivors measured there."),
        curves: [
            curve(|of| of.dense_refetch_bytes),
            curve(|of| of.load_once_bytes),
            curve(|of| of.skip_bytes),
        ],
        mark: None,
    }
}

impl Panel {
    fn draw(&self, canvas: &Canvas, (left, right): (i32, i32)) {
        let points = || self.curves.iter().flatten();
        let frame = Frame {
            canvas,
            from: (left, 96),
            to: (right, 366),
            x: Scale::octaves(points().map(|(x, _)| *x)),
            y: Scale::decades(points().map(|(_, y)| *y)),
        };
        frame.y_axis("bytes", 6, bytes);
        frame.x_axis(self.description, 10, digits);
        if let Some((x, name)) = &self.mark {
            frame.upright(*x, name);
        }
        for (strategy, curve) in STRATEGIES.into_iter().zip(&self.curves) {
            let (_, marker, color) = look(strategy);
            // A logarithmic axis has no place for 0.
            let positive: Curve = curve.iter().copied().filter(|(_, y)| *y > 0.0).collect();
            frame.curve(&positive, marker, color);
        }
    }
}
