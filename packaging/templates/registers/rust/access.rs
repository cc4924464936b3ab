// SPDX-License-Identifier: Apache-2.0
//! How registers are reached: typed offsets and fields, read and written through one pointer.

use core::marker::PhantomData;
use core::ptr::{read_volatile, write_volatile};

/// Software only reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOnly;

/// Software reads and writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadWrite;

/// The core sets it, software clears it by writing 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOneToClear;

/// What can be read: everything.
pub trait Readable {}
impl Readable for ReadOnly {}
impl Readable for ReadWrite {}
impl Readable for WriteOneToClear {}

/// What a write changes.
pub trait Writable {}
impl Writable for ReadWrite {}
impl Writable for WriteOneToClear {}

/// A 32-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<A> {
    offset: usize,
    at_reset: u32,
    access: PhantomData<A>,
}

impl<A> Register<A> {
    pub(crate) const fn new(offset: usize, at_reset: u32) -> Self {
        Register {
            offset,
            at_reset,
            access: PhantomData,
        }
    }

    /// Its offset in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Its value after reset; 0 in bits that follow the hardware.
    pub const fn at_reset(&self) -> u32 {
        self.at_reset
    }
}

/// Adjacent bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<A> {
    offset: usize,
    low: u32,
    width: u32,
    access: PhantomData<A>,
}

impl<A> Field<A> {
    pub(crate) const fn new(offset: usize, low: u32, width: u32) -> Self {
        Field {
            offset,
            low,
            width,
            access: PhantomData,
        }
    }

    /// Its register's offset in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Its lowest bit.
    pub const fn low(&self) -> u32 {
        self.low
    }

    /// Its bits within the register.
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.width)) << self.low
    }

    /// Its value in a register that reads `word`.
    pub const fn of(&self, word: u32) -> u32 {
        (word & self.mask()) >> self.low
    }

    /// `value` at its place; bits that do not fit are dropped.
    pub const fn at(&self, value: u32) -> u32 {
        (value << self.low) & self.mask()
    }
}

/// A core's registers in memory.
///
/// It is neither `Send` nor `Sync`: a field is set by reading and writing its whole register.
#[derive(Debug)]
pub struct Device {
    base: *mut u32,
}

impl Device {
    /// The registers at `base`.
    ///
    /// # Safety
    /// `base` is aligned to four bytes, and for as long as the device lives the 512 bytes from it
    /// are the core's registers (or memory that stands for them) and may be read and written.
    pub const unsafe fn new(base: *mut u32) -> Self {
        Device { base }
    }

    /// Reads a register.
    pub fn read<A: Readable>(&self, register: Register<A>) -> u32 {
        self.load(register.offset)
    }

    /// Writes a register; of one with errors, clears those whose bit is 1.
    pub fn write<A: Writable>(&self, register: Register<A>, word: u32) {
        self.store(register.offset, word);
    }

    /// Reads a register, changes what it read, writes that.
    pub fn modify(&self, register: Register<ReadWrite>, change: impl FnOnce(u32) -> u32) {
        self.store(register.offset, change(self.load(register.offset)));
    }

    /// Reads a field.
    pub fn get<A: Readable>(&self, field: Field<A>) -> u32 {
        field.of(self.load(field.offset))
    }

    /// Sets a field and leaves the register's other fields as they are.
    pub fn set(&self, field: Field<ReadWrite>, value: u32) {
        let word = self.load(field.offset);
        self.store(field.offset, (word & !field.mask()) | field.at(value));
    }

    /// Clears an error and leaves the others as they are.
    pub fn clear(&self, field: Field<WriteOneToClear>) {
        self.store(field.offset, field.mask());
    }

    fn load(&self, offset: usize) -> u32 {
        // SAFETY: offsets are those of this crate's constants, all within the 512 bytes that the
        // caller of `new` has vouched for, and multiples of four.
        unsafe { read_volatile(self.base.add(offset / 4)) }
    }

    fn store(&self, offset: usize, word: u32) {
        // SAFETY: as in `load`.
        unsafe { write_volatile(self.base.add(offset / 4), word) }
    }
}
