//! One running instance of a Verilated design.

use std::{
    ffi::{CString, c_char, c_int, c_uint, c_ulonglong, c_void},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use libloading::Library;

use super::{build::PortSpec, error::VerilatorError};

/// Name of the port that [`Model::settle`] and [`Model::rise`] drive.
const CLOCK: &str = "clk";
/// Half a clock period in the wave file's time unit (1 ns).
const HALF_PERIOD: u64 = 5;

/// What registers and memories hold before the first clock edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PowerUp {
    /// Zeros, as on an FPGA.
    #[default]
    Zero,
    /// Random bits from this seed, as on an ASIC: shows what relies on zeros.
    Random(u32),
}

/// A port of one [`Model`], by [`Model::port`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(usize);

/// A port's storage inside the model, as Verilator lays it out.
#[derive(Clone, Copy)]
enum Storage {
    Byte(*mut u8),
    Half(*mut u16),
    Word(*mut u32),
    Double(*mut u64),
    /// Little-endian words: the first holds bits 31..0.
    Wide(*mut u32),
}

struct PortState {
    name: String,
    width: u32,
    storage: Storage,
}

/// The functions that the shim exports.
struct Functions {
    delete: unsafe extern "C" fn(*mut c_void),
    eval: unsafe extern "C" fn(*mut c_void),
    waves_open: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    waves_dump: unsafe extern "C" fn(*mut c_void, c_ulonglong),
    waves_close: unsafe extern "C" fn(*mut c_void) -> c_int,
}

/// A running design. A clock cycle is: [`set`](Model::set) the inputs,
/// [`settle`](Model::settle), [`get`](Model::get) what the outputs are in this cycle, then
/// [`rise`](Model::rise). Inputs take effect, combinational outputs included, when the model
/// settles.
pub struct Model {
    /// The shim's handle; never null, freed when the model is dropped.
    handle: *mut c_void,
    functions: Functions,
    ports: Vec<PortState>,
    clock: Option<*mut u8>,
    dumping: bool,
    time: u64,
    /// Holds the code that the pointers above lead to; dropped after `Drop::drop` ran.
    _library: Library,
}

// SAFETY: the handle is owned by this value alone, and every use of it needs `&mut self` or, for
// reading port storage, `&self`. A Verilated model is not bound to the thread that made it: what
// the run-time library keeps for each thread, the shim sets anew where it is read. `Sync` is not
// claimed.
unsafe impl Send for Model {}

impl Model {
    /// Loads an instance from a library of [`super::Verilator::build`], which must have been
    /// built for these very `ports`. A port `clk` of one bit is the clock.
    ///
    /// # Errors
    /// [`VerilatorError::Load`] if the file is no such library, [`VerilatorError::UnknownPort`]
    /// if it has fewer ports.
    pub fn load(
        library: &Path,
        ports: &[PortSpec],
        power_up: PowerUp,
    ) -> Result<Model, VerilatorError> {
        let failed = |source| VerilatorError::Load {
            path: library.to_path_buf(),
            source,
        };
        // SAFETY: the library comes from `build`, which links only Verilator's output, its
        // run-time library and the shim; their initializers touch nothing outside.
        let code = unsafe { Library::new(library) }.map_err(failed)?;
        // SAFETY: the types are those of the shim's definitions of these names, and the function
        // pointers are used only while `code` lives, since `Model` keeps both.
        let (new, port, functions) = unsafe {
            let new = *code
                .get::<unsafe extern "C" fn(c_int, c_int) -> *mut c_void>(b"model_new")
                .map_err(failed)?;
            let port = *code
                .get::<unsafe extern "C" fn(*mut c_void, c_uint) -> *mut c_void>(b"model_port")
                .map_err(failed)?;
            let functions = Functions {
                delete: *code.get(b"model_delete").map_err(failed)?,
                eval: *code.get(b"model_eval").map_err(failed)?,
                waves_open: *code.get(b"model_waves_open").map_err(failed)?,
                waves_dump: *code.get(b"model_waves_dump").map_err(failed)?,
                waves_close: *code.get(b"model_waves_close").map_err(failed)?,
            };
            (new, port, functions)
        };
        let (random, seed) = match power_up {
            PowerUp::Zero => (0, 1),
            // Verilator takes seeds from 1 to 2^31 - 1.
            PowerUp::Random(seed) => (1, (seed % 0x7fff_ffff) as c_int + 1),
        };
        let mut model = Model {
            // SAFETY: `model_new` takes any two integers and gives a new handle.
            handle: unsafe { new(random, seed) },
            functions,
            ports: Vec::with_capacity(ports.len()),
            clock: None,
            dumping: false,
            time: 0,
            _library: code,
        };
        for (index, spec) in ports.iter().enumerate() {
            // SAFETY: the handle is live; an index that the library does not have gives null.
            let address = unsafe { port(model.handle, index as c_uint) };
            if address.is_null() {
                return Err(model.unknown_port(&spec.name));
            }
            if spec.name == CLOCK && spec.width == 1 {
                model.clock = Some(address.cast());
            }
            model.ports.push(PortState {
                name: spec.name.clone(),
                width: spec.width,
                storage: storage(address, spec.width),
            });
        }
        Ok(model)
    }

    fn unknown_port(&self, name: &str) -> VerilatorError {
        VerilatorError::UnknownPort {
            top: "the loaded model".to_string(),
            name: name.to_string(),
        }
    }

    /// The port `name`, for use with this model only: in another it is whichever port has its
    /// place, or a panic.
    ///
    /// # Errors
    /// [`VerilatorError::UnknownPort`] if it is not among those the model was loaded with.
    pub fn port(&self, name: &str) -> Result<Port, VerilatorError> {
        let index = self.ports.iter().position(|port| port.name == name);
        index.map(Port).ok_or_else(|| self.unknown_port(name))
    }

    /// A port's width in bits.
    pub fn width(&self, port: Port) -> u32 {
        self.ports[port.0].width
    }

    /// Drives a port with a number; bits beyond the port's width are dropped, and those of a
    /// port wider than 64 bits above the number are zero.
    #[inline]
    pub fn set(&mut self, port: Port, value: u64) {
        let PortState { width, storage, .. } = self.ports[port.0];
        let value = if width < 64 {
            value & ((1 << width) - 1)
        } else {
            value
        };
        // SAFETY: each pointer leads to live storage of its type, see `storage`; `&mut self`
        // excludes any other access.
        unsafe {
            match storage {
                Storage::Byte(at) => at.write(value as u8),
                Storage::Half(at) => at.write(value as u16),
                Storage::Word(at) => at.write(value as u32),
                Storage::Double(at) => at.write(value),
                Storage::Wide(_) => self.set_words(port, &[value as u32, (value >> 32) as u32]),
            }
        }
    }

    /// A port's value; of a port wider than 64 bits, the low 64.
    #[inline]
    pub fn get(&self, port: Port) -> u64 {
        // SAFETY: each pointer leads to live storage of its type, see `storage`; a wide port has
        // at least three words.
        unsafe {
            match self.ports[port.0].storage {
                Storage::Byte(at) => at.read().into(),
                Storage::Half(at) => at.read().into(),
                Storage::Word(at) => at.read().into(),
                Storage::Double(at) => at.read(),
                Storage::Wide(at) => u64::from(at.read()) | u64::from(at.add(1).read()) << 32,
            }
        }
    }

    /// Drives a port of any width with 32-bit words, the lowest first. Missing words are zero;
    /// bits beyond the port's width are dropped.
    pub fn set_words(&mut self, port: Port, words: &[u32]) {
        let width = self.ports[port.0].width;
        let word = |index: usize| words.get(index).copied().unwrap_or(0);
        let Some(target) = self.wide_mut(port) else {
            return self.set(port, u64::from(word(0)) | u64::from(word(1)) << 32);
        };
        for (index, slot) in target.iter_mut().enumerate() {
            *slot = word(index);
        }
        if let (Some(last), remainder @ 1..) = (target.last_mut(), width % 32) {
            *last &= (1 << remainder) - 1;
        }
    }

    /// Bits `offset .. offset + width` of a port of any width, as an unsigned number; bits
    /// beyond the port's are zero. `width` is 1 to 64.
    #[inline]
    pub fn field(&self, port: Port, offset: u32, width: u32) -> u64 {
        let mask = u64::MAX >> (64 - width.clamp(1, 64));
        let Some(words) = self.wide(port) else {
            return self.get(port).checked_shr(offset).unwrap_or(0) & mask;
        };
        let first = (offset / 32) as usize;
        let window = (0..3).fold(0u128, |window, index| {
            let word = words.get(first + index).copied().unwrap_or(0);
            window | u128::from(word) << (32 * index)
        });
        (window >> (offset % 32)) as u64 & mask
    }

    /// Bits `offset .. offset + width` of a port, as a two's complement number. `width` is 1 to 64.
    #[inline]
    pub fn signed_field(&self, port: Port, offset: u32, width: u32) -> i64 {
        let unused = 64 - width.clamp(1, 64);
        (self.field(port, offset, width) << unused) as i64 >> unused
    }

    /// Replaces bits `offset .. offset + width` of a port of any width and leaves the others;
    /// bits beyond the port's are dropped. `width` is 1 to 64.
    #[inline]
    pub fn set_field(&mut self, port: Port, offset: u32, width: u32, value: u64) {
        let mask = u64::MAX >> (64 - width.clamp(1, 64));
        let end = self.ports[port.0].width;
        if offset >= end {
            return;
        }
        let Some(words) = self.wide_mut(port) else {
            let rest = self.get(port) & !(mask << offset);
            return self.set(port, rest | (value & mask) << offset);
        };
        let mask = if end - offset < 64 {
            mask & ((1 << (end - offset)) - 1)
        } else {
            mask
        };
        let mask = u128::from(mask) << (offset % 32);
        let bits = u128::from(value) << (offset % 32) & mask;
        for (index, word) in words[(offset / 32) as usize..]
            .iter_mut()
            .take(3)
            .enumerate()
        {
            let (mask, bits) = ((mask >> (32 * index)) as u32, (bits >> (32 * index)) as u32);
            *word = *word & !mask | bits;
        }
    }

    /// The words of a port wider than 64 bits, the lowest first; `None` for a narrower one.
    #[inline]
    pub fn wide(&self, port: Port) -> Option<&[u32]> {
        let state = &self.ports[port.0];
        let Storage::Wide(at) = state.storage else {
            return None;
        };
        // SAFETY: the pointer leads to this many live words, see `storage`; they change only
        // through `&mut self`, which the returned borrow excludes.
        Some(unsafe { std::slice::from_raw_parts(at, words_of(state.width)) })
    }

    /// As [`Model::wide`], to write. Bits beyond the port's width stay zero at all times.
    fn wide_mut(&mut self, port: Port) -> Option<&mut [u32]> {
        let state = &self.ports[port.0];
        let Storage::Wide(at) = state.storage else {
            return None;
        };
        // SAFETY: as in `wide`, and `&mut self` makes the borrow the only one.
        Some(unsafe { std::slice::from_raw_parts_mut(at, words_of(state.width)) })
    }

    /// Evaluates the design for its current inputs, the clock as it stands.
    #[inline]
    pub fn eval(&mut self) {
        // SAFETY: the handle is live, and `&mut self` keeps other users out.
        unsafe { (self.functions.eval)(self.handle) }
    }

    fn phase(&mut self, clock: u8) {
        if let Some(at) = self.clock {
            // SAFETY: the storage of a one-bit port is one live byte, see `storage`.
            unsafe { at.write(clock) }
        }
        self.eval();
        if self.dumping {
            // SAFETY: the handle is live, and `&mut self` keeps other users out.
            unsafe { (self.functions.waves_dump)(self.handle, self.time) }
            self.time += HALF_PERIOD;
        }
    }

    /// The low half of a cycle: outputs become what the inputs and registers make of them.
    #[inline]
    pub fn settle(&mut self) {
        self.phase(0);
    }

    /// The rising clock edge: registers take their next value. In a design without `clk` it is
    /// one more evaluation.
    #[inline]
    pub fn rise(&mut self) {
        self.phase(1);
    }

    /// A whole cycle, for when no output is of interest: [`settle`](Model::settle), then
    /// [`rise`](Model::rise).
    #[inline]
    pub fn cycle(&mut self) {
        self.settle();
        self.rise();
    }

    /// Writes waves (VCD, clock period 10 ns) to `path` from now on, until
    /// [`waves_close`](Model::waves_close) or the end of the model.
    ///
    /// # Errors
    /// [`VerilatorError::NoWaves`] if the library was built without, and
    /// [`VerilatorError::WaveFile`] if the file cannot be written.
    pub fn waves_open(&mut self, path: &Path) -> Result<(), VerilatorError> {
        let unwritable = || VerilatorError::WaveFile {
            path: path.to_path_buf(),
        };
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| unwritable())?;
        // SAFETY: the handle is live and the name a C string that outlives the call.
        match unsafe { (self.functions.waves_open)(self.handle, name.as_ptr()) } {
            0 => {
                self.dumping = true;
                Ok(())
            }
            1 => Err(VerilatorError::NoWaves),
            _ => Err(unwritable()),
        }
    }

    /// Ends and flushes the wave file, if one is open.
    pub fn waves_close(&mut self) {
        self.dumping = false;
        // SAFETY: the handle is live; closing without an open file does nothing.
        unsafe { (self.functions.waves_close)(self.handle) };
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the handle is live, used nowhere else, and never used again; the library is
        // unloaded only after this.
        unsafe { (self.functions.delete)(self.handle) }
    }
}

/// The storage of a port of `width` bits at `address`: 1, 2, 4 or 8 bytes up to 64 bits, 32-bit
/// words beyond (Verilator's `CData`, `SData`, `IData`, `QData` and `VlWide`). The build checked
/// `width` against the design, so the type and the number of words hold; the storage is a member
/// of the model and lives as long as its handle.
fn storage(address: *mut c_void, width: u32) -> Storage {
    match width {
        0..=8 => Storage::Byte(address.cast()),
        9..=16 => Storage::Half(address.cast()),
        17..=32 => Storage::Word(address.cast()),
        33..=64 => Storage::Double(address.cast()),
        _ => Storage::Wide(address.cast()),
    }
}

fn words_of(width: u32) -> usize {
    width.div_ceil(32) as usize
}
