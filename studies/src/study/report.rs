//! What a study finds.

use crate::Precision;
use logattn_sim::Counters;
use logattn_sim::energy::{EnergyBreakdown, LevelBits};
use logattn_sim::memory::{Bandwidth, BlockTraffic, DramOptions, EncodingBits, Strategy, Traffic};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// How a model's attention is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Every query of a text at once: the rows of all query heads that share keys and values follow
    /// one another over values that are loaded once.
    #[default]
    Prefill,
    /// One query of each query head at a time, over keys and values that grow by one a step.
    Decode,
}

impl Phase {
    /// As in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
        }
    }
}

/// Sizes of what was studied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Layers.
    pub layers: usize,
    /// The first of them, counted in the file.
    pub first_layer: usize,
    /// Query heads of a layer.
    pub heads_per_layer: usize,
    /// Key and value heads of a layer.
    pub kv_heads_per_layer: usize,
    /// Rows (queries) of each query head.
    pub rows_per_head: usize,
    /// Keys N of a head; of the last row, if causal.
    pub keys: usize,
    /// Whether a row sees no later keys.
    pub causal: bool,
    /// Elements D of a value.
    pub head_dimension: usize,
    /// Elements that are accumulated a cycle.
    pub lanes: usize,
    /// Keys a beat, W.
    pub keys_per_beat: usize,
    /// Query block B: rows that share one read of a value.
    pub query_block: usize,
    /// Bits of a value's element.
    pub value_bits: u32,
    /// Bits of a stored code.
    pub code_bits: u32,
}

/// What some of the runs, layers or groups cost. Everything adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Rows (queries of one head).
    pub rows: u64,
    /// Attention values: keys within the rows' lengths, over all rows.
    pub elements: u64,
    /// Attention values whose code is not 0.
    pub survivors: u64,
    /// Reads of the value memory: the union of a query block's survivors, once a pass of lanes.
    pub value_reads: u64,
    /// Clock cycles, from the start of a run or the last output beat before to the last one.
    pub cycles: u64,
    /// Clock cycles; sum over query blocks of max(ceil(N / W), survivors x D / lanes).
    pub bound_cycles: u64,
    /// Clock cycles of the int8 twin on the same rows.
    pub int8_twin_cycles: u64,
}

impl Cost {
    /// Share of the attention values whose code is 0, 0 to 1.
    pub fn pruned_share(&self) -> f64 {
        1.0 - self.survivors as f64 / self.elements.max(1) as f64
    }

    /// Cycles over bound.
    pub fn over_bound(&self) -> f64 {
        self.cycles as f64 / self.bound_cycles.max(1) as f64
    }

    /// How many times faster than the int8 twin.
    pub fn twin_over_cycles(&self) -> f64 {
        self.int8_twin_cycles as f64 / self.cycles.max(1) as f64
    }

    /// A number of something a row.
    pub fn per_row(&self, all: u64) -> f64 {
        all as f64 / self.rows.max(1) as f64
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.elements += other.elements;
        self.survivors += other.survivors;
        self.value_reads += other.value_reads;
        self.cycles += other.cycles;
        self.bound_cycles += other.bound_cycles;
        self.int8_twin_cycles += other.int8_twin_cycles;
    }
}

/// What a layer costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LayerCost {
    /// The layer, counted in the file from 0.
    pub layer: usize,
    /// All its heads.
    pub cost: Cost,
    /// The unit's counters at the end of the layer's runs, added up.
    pub counters: Counters,
}

/// What a group costs: a key and value head with the query heads that read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GroupCost {
    /// The layer, counted in the file from 0.
    pub layer: usize,
    /// The key and value head in its layer, from 0.
    pub kv_head: usize,
    /// All its query heads.
    pub cost: Cost,
}

/// What a query head keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct HeadSparsity {
    /// The layer, counted in the file from 0.
    pub layer: usize,
    /// The query head in its layer, from 0.
    pub head: usize,
    /// Rows.
    pub rows: u64,
    /// Attention values within the rows' lengths.
    pub elements: u64,
    /// Those whose code is not 0.
    pub survivors: u64,
    /// Share whose code is 0, 0 to 1.
    pub pruned_share: f64,
    /// Keys whose code is another than that of the float softmax; absent with probabilities.
    pub differing_codes: Option<u64>,
    /// Bits of a query's element that its power-of-two scale leaves of 8; absent with
    /// probabilities.
    pub query_effective_bits: Option<f64>,
}

/// How often attention values of each size occur.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// Lower edge of the first bin as log2(p); smaller values but 0 are counted in the first bin.
    pub lowest_log2: f64,
    /// Bins of an octave.
    pub bins_per_octave: u32,
    /// Values of exactly 0 (float softmax underflows), all layers together.
    pub zeros: u64,
    /// Values in each bin, all layers together; the last bin ends at 1 and includes it.
    pub counts: Vec<u64>,
    /// The same of each layer.
    pub layers: Vec<Vec<u64>>,
    /// The thresholds as log2(p), rising.
    pub threshold_log2: Vec<f64>,
}

/// Traffic and time of one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StrategyTraffic {
    /// What is read when.
    pub strategy: Strategy,
    /// What moves between external memory and unit.
    pub traffic: Traffic,
    /// What moves through registers and memories on chip.
    pub on_chip: LevelBits,
    /// The same of the int8 twin, under `skip` as under `dense_refetch`.
    pub int8_twin_on_chip: LevelBits,
    /// Cycles under the bandwidth limit.
    pub bandwidth: Bandwidth,
    /// The same for the int8 twin, which reads what it has no code for; of `skip` the same as of
    /// `dense_refetch`.
    pub int8_twin_bandwidth: Bandwidth,
}

/// Traffic of a decoding step or of a prefix of a text, by its number of keys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KeysTraffic {
    /// Keys of the longest row.
    pub keys: usize,
    /// Rows of a head that were played over them.
    pub rows: usize,
    /// Share of the attention values that survive, 0 to 1.
    pub survivors_share: f64,
    /// Bytes of queries, K, V and outputs moved in whole bursts, all heads.
    pub dense_refetch_bytes: u64,
    /// As `dense_refetch_bytes`.
    pub load_once_bytes: u64,
    /// As `dense_refetch_bytes`.
    pub skip_bytes: u64,
}

/// Where skipping pruned values begins to move fewer bytes than reading all values once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Crossover {
    /// The smallest query block of the curve at which skipping moves fewer bytes than loading once;
    /// absent if there is none.
    pub query_block: Option<usize>,
    /// The largest number of rows of all keys that may share one load of the values for skipping to
    /// win, with this configuration's query block and the measured sparsity (independent keys); 0
    /// for none, absent for any number.
    pub rows: Option<u64>,
    /// The sparsity above which skipping wins at this many rows and this query block (independent
    /// keys); absent if none is enough.
    pub sparsity: Option<f64>,
    /// The share that is pruned, measured.
    pub measured_sparsity: f64,
    /// The fewest keys of [`TrafficStudy::by_keys`] at which skipping moves fewer bytes than loading
    /// once; absent if there is none.
    pub keys: Option<usize>,
    /// The most keys N for which skipping is expected to win in prefill, where N keys serve N rows
    /// of each query head of a group (all of N keys, independent, at the measured sparsity); 0 for
    /// none, absent for any number.
    pub most_keys: Option<u64>,
}

/// Decode with a cache that stays on chip between steps, which the unit as generated does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResidentCache {
    /// Bytes that K and V of all layers and KV heads take.
    pub on_chip_bytes: u64,
    /// Bytes that still move: queries, outputs, and each step's own key and value; whole bursts.
    pub burst_bytes: u64,
}

/// Traffic between external memory and unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficStudy {
    /// The external memory.
    pub dram: DramOptions,
    /// All strategies, at the configuration's query block.
    pub strategies: Vec<StrategyTraffic>,
    /// Bytes by query block.
    pub by_query_block: Vec<BlockTraffic>,
    /// Bytes by keys of a row.
    pub by_keys: Vec<KeysTraffic>,
    /// The strategy that moves the fewest bytes in whole bursts.
    pub winner: Strategy,
    /// Where that changes.
    pub crossover: Crossover,
    /// Bytes of on-chip memory that `load_once` takes: K and V of a group (twice that if the next
    /// group loads meanwhile).
    pub load_once_on_chip_bytes: u64,
    /// The same model with its cache on chip between steps; absent in prefill.
    pub resident_cache: Option<ResidentCache>,
}

/// Energy by one table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyStudy {
    /// Name of the table.
    pub table: String,
    /// Least and largest node of its entries, in nanometers.
    pub nodes_nm: Option<(u32, u32)>,
    /// The unit, with each strategy's traffic.
    pub unit: Vec<StrategyEnergy>,
    /// The int8 twin, with dense re-fetch and with loading once.
    pub int8_twin: Vec<StrategyEnergy>,
}

/// Energy with one strategy's traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyEnergy {
    /// What is read when.
    pub strategy: Strategy,
    /// Energy of each part.
    pub energy: EnergyBreakdown,
}

/// Operations, bytes and cycles, for a roofline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Roofline {
    /// Operations that the unit can do in a cycle: an addition and a shift or multiplication in
    /// each lane of each row of a block, and with Q and K a multiplication and an addition in each
    /// of the D x W x B multipliers.
    pub peak_operations_per_cycle: f64,
    /// The bandwidth limit.
    pub bytes_per_cycle: f64,
    /// Ours by strategy, and the twin.
    pub points: Vec<RooflinePoint>,
}

/// One point of a roofline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RooflinePoint {
    /// Design and strategy.
    pub name: String,
    /// Operations of dense attention, 4 x D an element (2 x D if the unit gets no Q and K), whether
    /// they are done or pruned.
    pub operations: u64,
    /// Bytes moved, whole bursts.
    pub bytes: u64,
    /// Cycles under the bandwidth limit.
    pub cycles: u64,
}

/// A study of a configuration on a capture or mask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Study {
    /// Version of the program.
    pub logattn: String,
    /// Name of the configuration.
    pub configuration: String,
    /// [`logattn_golden::Configuration::sha256`].
    pub configuration_sha256: String,
    /// What the unit takes for each key: probabilities, scores or qkv.
    pub input_kind: String,
    /// File of the capture or mask.
    pub input: String,
    /// Model that the capture was made from, if the file says.
    pub model: Option<String>,
    /// How the model is run.
    pub phase: Phase,
    /// Sizes.
    pub shape: Shape,
    /// Runs of the unit, each from an idle start: layers, or layers of steps.
    pub runs: u64,
    /// Everything.
    pub total: Cost,
    /// The unit's counters at the end of each run, added up.
    pub counters: Counters,
    /// Each layer.
    pub layers: Vec<LayerCost>,
    /// Each key and value head.
    pub groups: Vec<GroupCost>,
    /// Each query head.
    pub heads: Vec<HeadSparsity>,
    /// Attention values by size; absent for masks.
    pub histogram: Option<Histogram>,
    /// Bits of the attention matrix by encoding.
    pub encodings: EncodingBits,
    /// External traffic.
    pub traffic: TrafficStudy,
    /// Energy, by each table.
    pub energy: Vec<EnergyStudy>,
    /// Roofline.
    pub roofline: Roofline,
}

impl Study {
    /// Keys whose code is another than that of the float softmax, and their share of all attention
    /// values; absent with probabilities.
    pub fn softmax_differing_codes(&self) -> Option<(u64, f64)> {
        let codes: Option<u64> = self.heads.iter().map(|head| head.differing_codes).sum();
        let elements: u64 = self.heads.iter().map(|head| head.elements).sum();
        codes.map(|codes| (codes, codes as f64 / elements.max(1) as f64))
    }

    /// What power-of-two scales of queries leave of their 8 bits; absent with probabilities.
    pub fn query_effective_bits(&self) -> Option<Precision> {
        let bits: Option<Vec<f64>> = self
            .heads
            .iter()
            .map(|head| head.query_effective_bits)
            .collect();
        Precision::of(&bits?)
    }
}
