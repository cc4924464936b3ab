use super::data::{Id, Item, ModuleData, Node, Op, UNUSED, top_mask, words_of};
use super::module::{Direction, Module, Port, Role};
use super::names::objection;
use super::{NetlistError, Signal, Type, check};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT_OWNER: AtomicU32 = AtomicU32::new(0);

/// The first error of a module under construction, shared with its instances' handles.
pub(super) type FirstError = Rc<RefCell<Option<NetlistError>>>;

/// A module under construction.
///
/// Methods never fail on the spot: the first mistake is kept and [`Builder::finish`] returns it, so
/// that a description reads as straight-line code. After a mistake a method returns a signal of the
/// type that it would have had.
#[derive(Debug)]
pub struct Builder {
    pub(super) data: ModuleData,
    pub(super) error: FirstError,
    owner: u32,
    /// Every name in the module's scope, to find duplicates; never iterated over.
    names: HashSet<String>,
}

impl Builder {
    /// Starts a module. `doc` says what it does, in lines; it is printed above the module.
    pub fn new(name: impl Into<String>, doc: impl Into<String>) -> Builder {
        let name = name.into();
        let mut builder = Builder {
            data: ModuleData {
                name: name.clone(),
                doc: doc.into(),
                ..ModuleData::default()
            },
            error: FirstError::default(),
            owner: NEXT_OWNER.fetch_add(1, Ordering::Relaxed),
            names: ["clk", "rst"].map(String::from).into(),
        };
        if let Some(reason) = objection(&name) {
            builder.fail(NetlistError::IllegalName {
                module: name.clone(),
                name,
                reason,
            });
        }
        builder
    }

    /// An input port. `doc` is printed beside it.
    pub fn input(&mut self, name: impl Into<String>, ty: Type, doc: impl Into<String>) -> Signal {
        let name = name.into();
        self.claim(&name);
        let signal = self.push(Op::Input, ty);
        self.node_mut(signal.id).name = Some(name.clone());
        self.data.ports.push(Port {
            name,
            ty: signal.ty,
            direction: Direction::Input,
            role: Role::Data,
            doc: doc.into(),
            node: Some(signal.id),
        });
        signal
    }

    /// An output port driven by `signal`. `doc` is printed beside it.
    ///
    /// A signal without a name takes the port's. A signal that already has the port's name *is* the
    /// port (a register becomes `output reg`); one with another name is assigned to it.
    pub fn output(&mut self, name: impl Into<String>, signal: Signal, doc: impl Into<String>) {
        let name = name.into();
        if !self.owns(signal, "output") {
            return;
        }
        let node = self.data.node(signal.id);
        let is_port = self.data.ports.iter().any(|port| port.name == name);
        match &node.name {
            Some(own) if *own == name && !is_port => {}
            Some(_) => self.claim(&name),
            None => {
                self.claim(&name);
                self.node_mut(signal.id).name = Some(name.clone());
            }
        }
        self.data.items.push(Item::Output(self.data.ports.len()));
        self.data.ports.push(Port {
            name,
            ty: signal.ty,
            direction: Direction::Output,
            role: Role::Data,
            doc: doc.into(),
            node: Some(signal.id),
        });
    }

    /// A constant. For a signed type `value` is read as an `i64`, or as the bits of the type.
    pub fn constant(&mut self, value: u64, ty: Type) -> Signal {
        let words = self.constant_bits(value, ty);
        self.push(Op::Constant(words), ty)
    }

    /// A constant from its words, lowest first; missing words are 0.
    pub fn constant_words(&mut self, words: &[u64], ty: Type) -> Signal {
        let mut all = vec![0; words_of(ty.width)];
        for (to, from) in all.iter_mut().zip(words) {
            *to = *from;
        }
        let rest = words.get(all.len()..).unwrap_or_default();
        let over = all.last().is_some_and(|top| top & !top_mask(ty.width) != 0);
        if over || rest.iter().any(|word| *word != 0) {
            let module = self.data.name.clone();
            let value = words.first().copied().unwrap_or(0);
            self.fail(NetlistError::ConstantTooLarge { module, value, ty });
            all.fill(0);
        }
        self.push(Op::Constant(all), ty)
    }

    /// The constant 0.
    pub fn zero(&mut self, ty: Type) -> Signal {
        self.constant(0, ty)
    }

    /// Gives a signal its name in the Verilog. A signal that has one already (a port, a register, a
    /// wire) gets an alias: a wire of the new name.
    pub fn name(&mut self, signal: Signal, name: impl Into<String>) -> Signal {
        let name = name.into();
        if !self.owns(signal, "name") {
            return signal;
        }
        self.claim(&name);
        let signal = if self.data.node(signal.id).name.is_some() {
            self.push(Op::Alias(signal.id), signal.ty)
        } else {
            signal
        };
        self.node_mut(signal.id).name = Some(name);
        signal
    }

    /// A wire that is driven later, exactly once, by [`Builder::drive`].
    pub fn wire(&mut self, name: impl Into<String>, ty: Type) -> Signal {
        let name = name.into();
        self.claim(&name);
        let signal = self.push(Op::Wire(None), ty);
        self.node_mut(signal.id).name = Some(name);
        signal
    }

    /// Drives a wire made by [`Builder::wire`].
    pub fn drive(&mut self, wire: Signal, signal: Signal) {
        if !self.owns(wire, "drive") || !self.owns(signal, "drive") {
            return;
        }
        let (module, name) = (self.data.name.clone(), self.data.describe(wire.id));
        match self.data.node(wire.id).op {
            Op::Wire(None) => {
                if self.require(signal, wire.ty, || format!("drive of {name}")) {
                    self.node_mut(wire.id).op = Op::Wire(Some(signal.id));
                    self.data.items.push(Item::Drive(wire.id));
                }
            }
            Op::Wire(Some(_)) => self.fail(NetlistError::DrivenTwice {
                module,
                signal: name,
            }),
            _ => {
                let expected = "wire";
                self.fail(NetlistError::NotDrivable {
                    module,
                    signal: name,
                    expected,
                });
            }
        }
    }

    /// Says that the bits of `signal` that nothing else reads are not read on purpose, such as the
    /// fraction that a rounding drops or an output of an instance that is of no use here.
    pub fn unused(&mut self, signal: Signal) {
        if self.owns(signal, "unused") {
            if self.data.discarded.is_empty() {
                self.claim(UNUSED);
            }
            self.data.discarded.push(signal.id);
        }
    }

    /// A comment before the statement that comes next; it says why, to those who read the Verilog.
    pub fn comment(&mut self, text: impl Into<String>) {
        self.data.items.push(Item::Comment(text.into()));
    }

    /// Checks the module and ends its construction.
    ///
    /// # Errors
    /// The first mistake of the description; [`NetlistError`] lists what is checked.
    pub fn finish(self) -> Result<Module, NetlistError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        check::finish(self.data)
    }

    /// Records the first error.
    pub(super) fn fail(&mut self, error: NetlistError) {
        self.error.borrow_mut().get_or_insert(error);
    }

    /// Takes `name` for something in the module's scope.
    pub(super) fn claim(&mut self, name: &str) {
        let module = self.data.name.clone();
        if let Some(reason) = objection(name) {
            self.fail(NetlistError::IllegalName {
                module,
                name: name.into(),
                reason,
            });
        } else if !self.names.insert(name.into()) {
            self.fail(NetlistError::DuplicateName {
                module,
                name: name.into(),
            });
        }
    }

    /// Appends a node and the place where it is printed if it has a name.
    pub(super) fn push(&mut self, op: Op, mut ty: Type) -> Signal {
        if ty.width == 0 {
            let module = self.data.name.clone();
            self.fail(NetlistError::ZeroWidth {
                module,
                signal: op.label().into(),
            });
            ty.width = 1;
        }
        let op = match op {
            Op::Constant(words) if words.is_empty() => Op::Constant(vec![0]),
            op => op,
        };
        let id = self.data.nodes.len() as Id;
        self.data.nodes.push(Node { op, ty, name: None });
        self.data.items.push(Item::Node(id));
        self.signal(id)
    }

    /// What a method returns after a mistake: a zero of the type that the result would have had.
    pub(super) fn dummy(&mut self, ty: Type) -> Signal {
        let width = ty.width.max(1);
        self.push(Op::Constant(vec![0; words_of(width)]), Type { width, ..ty })
    }

    pub(super) fn signal(&self, id: Id) -> Signal {
        Signal {
            id,
            ty: self.data.node(id).ty,
            owner: self.owner,
        }
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.data.nodes[id as usize]
    }

    /// Whether `signal` belongs to this module; if not, that is an error.
    pub(super) fn owns(&mut self, signal: Signal, operation: &str) -> bool {
        let ours = signal.owner == self.owner;
        if !ours {
            let (module, operation) = (self.data.name.clone(), operation.into());
            self.fail(NetlistError::ForeignSignal { module, operation });
        }
        ours
    }

    /// Whether `signal` is of type `expected`; if not, that is an error.
    pub(super) fn require(
        &mut self,
        signal: Signal,
        expected: Type,
        operation: impl FnOnce() -> String,
    ) -> bool {
        let fits = signal.ty == expected;
        if !fits {
            let error = NetlistError::TypeMismatch {
                module: self.data.name.clone(),
                operation: operation(),
                expected,
                signal: self.data.describe(signal.id),
                found: signal.ty,
            };
            self.fail(error);
        }
        fits
    }

    /// The words of `value` as a `ty`; an error if it does not fit.
    pub(super) fn constant_bits(&mut self, value: u64, ty: Type) -> Vec<u64> {
        let mut words = vec![0; words_of(ty.width).max(1)];
        let mask = top_mask(ty.width);
        let negative = ty.signed && (value as i64) < 0;
        if ty.width >= 64 {
            if negative {
                words.fill(u64::MAX);
                *words.last_mut().unwrap_or(&mut 0) &= mask;
            }
            words[0] = value;
        } else {
            let sign = mask ^ (mask >> 1);
            let sign_extended = negative && (value | mask) == u64::MAX && value & sign != 0;
            if value > mask && !sign_extended && ty.width > 0 {
                let module = self.data.name.clone();
                self.fail(NetlistError::ConstantTooLarge { module, value, ty });
            }
            words[0] = value & mask;
        }
        words
    }
}
