//! Collects the operations of a part.

use super::{Operation, OperationKind, Operations, Part};

/// Adds to the operations of a part.
pub(super) struct Counter<'a> {
    pub operations: &'a mut Operations,
    pub part: Part,
    /// Levels of a tree between two registers.
    pub tree_levels: u32,
    /// How many registers there are on the paths.
    pub pipeline_depth: u32,
}

impl Counter<'_> {
    /// What is counted from here on is of `part`.
    pub(super) fn at(&mut self, part: Part) -> &mut Self {
        self.part = part;
        self
    }

    fn push(&mut self, kind: OperationKind, work: &'static str, bits: u32, count: u64) {
        self.product(kind, work, (bits, bits), count);
    }

    fn product(&mut self, kind: OperationKind, work: &'static str, bits: (u32, u32), count: u64) {
        self.operations.push(Operation {
            part: self.part,
            kind,
            work,
            bits: bits.0,
            other_bits: bits.1,
            capacity_bits: 0,
            count,
        });
    }

    pub(super) fn compare(&mut self, work: &'static str, bits: u32, count: u64) {
        self.push(OperationKind::Compare, work, bits, count);
    }

    pub(super) fn add(&mut self, work: &'static str, bits: u32, count: u64) {
        self.push(OperationKind::Add, work, bits, count);
    }

    pub(super) fn shift(&mut self, work: &'static str, bits: u32, count: u64) {
        self.push(OperationKind::Shift, work, bits, count);
    }

    pub(super) fn multiply(&mut self, work: &'static str, bits: (u32, u32), count: u64) {
        self.product(OperationKind::Multiply, work, bits, count);
    }

    pub(super) fn register(&mut self, work: &'static str, bits: u32, count: u64) {
        self.push(OperationKind::Register, work, bits, count);
    }

    /// A register that is there with `pipeline_depth` 2 and 3 only.
    pub(super) fn further_register(&mut self, work: &'static str, bits: u32, count: u64) {
        if self.pipeline_depth > 1 {
            self.register(work, bits, count);
        }
    }

    /// A register that is there with `pipeline_depth` 3 only.
    pub(super) fn wire_register(&mut self, work: &'static str, bits: u32, count: u64) {
        if self.pipeline_depth > 2 {
            self.register(work, bits, count);
        }
    }

    /// Accesses to a memory on chip, a word each.
    pub(super) fn memory(
        &mut self,
        kind: OperationKind,
        work: &'static str,
        memory: Memory,
        count: u64,
    ) {
        self.operations.push(Operation {
            part: self.part,
            kind,
            work,
            bits: memory.bits,
            other_bits: memory.bits,
            capacity_bits: memory.words as u64 * u64::from(memory.bits),
            count,
        });
    }

    /// A binary tree over `terms` terms with a register after every `tree_levels` levels and
    /// after the last; with `growth` 1 a level's results have one bit more than its terms.
    pub(super) fn tree(
        &mut self,
        kind: OperationKind,
        (work, registers): (&'static str, &'static str),
        (terms, bits, growth): (usize, u32, u32),
        count: u64,
    ) {
        let (mut terms, mut bits, mut level) = (terms, bits, 0);
        while terms > 1 {
            level += 1;
            bits += growth;
            self.push(kind, work, bits, (terms / 2) as u64 * count);
            let registered = terms == 2 || level % self.tree_levels == 0;
            terms = terms.div_ceil(2);
            if registered {
                self.register(registers, bits, terms as u64 * count);
            }
        }
    }
}

/// A memory on chip.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub words: usize,
    /// Bits of a word.
    pub bits: u32,
}
