//! Which setting each head gets.

use super::{Setting, Tables};
use crate::{Error, Result};

/// Halvings of the interval in which the multiplier is looked for, on a logarithmic scale.
const HALVINGS: usize = 60;

/// Bounds of the multiplier: relative squared error per share of keys.
const MULTIPLIERS: (f64, f64) = (1e-12, 1e6);

/// What has registers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// The model: all heads share one setting.
    Model,
    /// Each layer.
    Layer,
    /// Each head.
    Head,
}

/// The setting of every head, and what it costs by the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// One a head, layer by layer.
    pub settings: Vec<Setting>,
    /// Mean over the layers of the heads' squared errors, relative to the squared length of the
    /// layer's attention output: errors of heads are taken to be independent.
    pub error: f64,
    /// Share of the keys that is pruned.
    pub pruned: f64,
}

/// Heads that share a setting: relative error and kept share of all keys, one a setting.
struct Group {
    errors: Vec<f64>,
    kept: Vec<f64>,
}

impl Tables {
    /// The settings of least error that prune at least the share `sparsity` of the keys.
    ///
    /// # Errors
    /// [`Error::Calibration`]: no text was measured, or no settings prune as much.
    pub fn choose(&self, per: Per, sparsity: f64) -> Result<Choice> {
        let keys: u64 = self.heads.iter().map(|head| head.keys).sum();
        if keys == 0 {
            return Err(Error::Calibration {
                what: "texts".into(),
                found: "none".into(),
                legal: "at least one".into(),
            });
        }
        let size = self.group_size(per);
        let groups: Vec<Group> = self.groups(size, keys);
        let pruned = |picks: &[usize]| {
            let kept = groups
                .iter()
                .zip(picks)
                .map(|(group, pick)| group.kept[*pick]);
            1.0 - kept.sum::<f64>()
        };
        let picks = |multiplier: f64| -> Vec<usize> {
            groups.iter().map(|group| group.best(multiplier)).collect()
        };
        let (mut low, mut high) = MULTIPLIERS;
        let mut chosen = picks(0.0);
        if pruned(&chosen) < sparsity {
            let most = picks(high);
            if pruned(&most) < sparsity {
                return Err(Error::Calibration {
                    what: "sparsity".into(),
                    found: sparsity.to_string(),
                    legal: format!("at most {:.4} on these texts", pruned(&most)),
                });
            }
            chosen = most;
            for _ in 0..HALVINGS {
                let middle = (low * high).sqrt();
                let picked = picks(middle);
                if pruned(&picked) < sparsity {
                    low = middle;
                } else {
                    (high, chosen) = (middle, picked);
                }
            }
        }
        let errors = groups
            .iter()
            .zip(&chosen)
            .map(|(group, pick)| group.errors[*pick]);
        Ok(Choice {
            error: errors.sum::<f64>(),
            pruned: pruned(&chosen),
            settings: (0..self.heads.len())
                .map(|head| self.candidates.setting(chosen[head / size]))
                .collect(),
        })
    }

    /// What settings cost, one a head, layer by layer; `None` if there are not as many, one of them
    /// is not among the candidates, or no text was measured.
    pub fn cost(&self, settings: &[Setting]) -> Option<Choice> {
        let keys: u64 = self.heads.iter().map(|head| head.keys).sum();
        if settings.len() != self.heads.len() || keys == 0 {
            return None;
        }
        let candidates = 0..self.candidates.len();
        let (mut error, mut pruned) = (0.0, 1.0);
        for (group, setting) in self.groups(1, keys).iter().zip(settings) {
            let is_it = |index: &usize| self.candidates.setting(*index) == *setting;
            let index = candidates.clone().find(is_it)?;
            error += group.errors[index];
            pruned -= group.kept[index];
        }
        Some(Choice {
            settings: settings.to_vec(),
            error,
            pruned,
        })
    }

    fn group_size(&self, per: Per) -> usize {
        match per {
            Per::Model => self.heads.len(),
            Per::Layer => self.shape.heads,
            Per::Head => 1,
        }
    }

    fn groups(&self, size: usize, keys: u64) -> Vec<Group> {
        let relative = |head: usize| {
            let length = self.lengths[head / self.shape.heads] * self.shape.layers as f64;
            // A layer whose output is 0 has no error.
            if length > 0.0 { 1.0 / length } else { 0.0 }
        };
        let starts = (0..self.heads.len()).step_by(size.max(1));
        starts
            .map(|start| {
                let mut group = Group {
                    errors: vec![0.0; self.candidates.len()],
                    kept: vec![0.0; self.candidates.len()],
                };
                for head in start..start + size {
                    let table = &self.heads[head];
                    for setting in 0..self.candidates.len() {
                        group.errors[setting] += table.errors[setting] * relative(head);
                        group.kept[setting] += table.survivors[setting] as f64 / keys as f64;
                    }
                }
                group
            })
            .collect()
    }
}

impl Group {
    /// The setting of least error plus `multiplier` times the kept share; of equal ones the first.
    fn best(&self, multiplier: f64) -> usize {
        let costs = self.errors.iter().zip(&self.kept);
        let costs = costs.map(|(error, kept)| error + multiplier * kept);
        let best = costs.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(0, |(index, _)| index)
    }
}
