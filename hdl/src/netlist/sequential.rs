//! Registers, memories and instances of the builder.

use super::builder::FirstError;
use super::data::{
    BIT, Id, InstanceData, Item, MemoryData, MemoryRead, MemoryWrite, Op, RegisterData,
    address_width,
};
use super::module::{Direction, Module, Role};
use super::{Builder, NetlistError, Signal, Type, unsigned};
use std::sync::Arc;

/// A memory of the module under construction: one write port and one synchronous read port.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    index: usize,
    /// A signal of the memory's word type, which knows its builder.
    word: Signal,
}

impl Memory {
    /// Bits of a word.
    pub fn width(self) -> u32 {
        self.word.width()
    }
}

/// An instance of another module in the module under construction.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    parent: String,
    outputs: Vec<(String, Signal)>,
    /// What [`Instance::output`] returns for a port that is not there.
    dummy: Signal,
    error: FirstError,
}

impl Instance {
    /// The signal of an output port. Without a name of its own it is called after instance and port.
    /// An output that is of no use has to be given to [`Builder::unused`].
    pub fn output(&self, port: impl AsRef<str>) -> Signal {
        let port = port.as_ref();
        if let Some((_, signal)) = self.outputs.iter().find(|(name, _)| name == port) {
            return *signal;
        }
        self.error
            .borrow_mut()
            .get_or_insert(NetlistError::UnknownPort {
                module: self.parent.clone(),
                instance: self.name.clone(),
                direction: "output port",
                port: port.into(),
            });
        self.dummy
    }
}

impl Builder {
    /// A datapath register, without reset: until it is first updated its value is undefined.
    pub fn register(&mut self, name: impl Into<String>, ty: Type) -> Signal {
        self.new_register(name.into(), ty, None)
    }

    /// A control register that the synchronous, active-high `rst` sets to `reset_value`.
    pub fn register_reset(
        &mut self,
        name: impl Into<String>,
        ty: Type,
        reset_value: u64,
    ) -> Signal {
        let words = self.constant_bits(reset_value, ty);
        self.new_register(name.into(), ty, Some(words))
    }

    /// `register` takes the value of `next` at every rising edge.
    pub fn update(&mut self, register: Signal, next: Signal) {
        self.set_next(register, None, next);
    }

    /// `register` takes the value of `next` at the rising edges where `enable` is 1.
    pub fn update_if(&mut self, register: Signal, enable: Signal, next: Signal) {
        if self.owns(enable, "update_if") && self.require(enable, BIT, || "enable".into()) {
            let enable = self.unless_always(enable);
            self.set_next(register, enable, next);
        }
    }

    /// A memory of `depth` words of `width` bits, of undefined initial content, written so that
    /// synthesis infers block RAM. It needs one [`Builder::memory_write`] and one
    /// [`Builder::memory_read`]. Addresses have the fewest bits that reach every word (at least 1);
    /// one at or beyond `depth` must not be used.
    pub fn memory(&mut self, name: impl Into<String>, depth: usize, width: u32) -> Memory {
        let name = name.into();
        self.claim(&name);
        if depth == 0 || depth > 1 << 31 {
            let error = NetlistError::MemoryShape {
                module: self.data.name.clone(),
                memory: name.clone(),
                reason: format!("{depth} words"),
            };
            self.fail(error);
        }
        let word = self.dummy(unsigned(width));
        if width == 0 {
            let (module, signal) = (self.data.name.clone(), format!("memory `{name}`"));
            self.fail(NetlistError::ZeroWidth { module, signal });
        }
        let index = self.data.memories.len();
        let (width, depth) = (word.width(), depth.max(1));
        self.data.memories.push(MemoryData {
            name,
            depth,
            width,
            exclusive: false,
            write: None,
            read: None,
        });
        self.data.items.push(Item::Memory(index));
        Memory { index, word }
    }

    /// Promises that no word is ever read and written at the same edge. Synthesis then leaves out the
    /// registers and multiplexers that it otherwise puts around block RAM whose own answer in that
    /// case is another one; [`super::Evaluator::collisions`] counts where the promise is broken.
    pub fn memory_exclusive(&mut self, memory: Memory) {
        if self.owns(memory.word, "memory_exclusive") {
            self.data.memories[memory.index].exclusive = true;
        }
    }

    /// Writes `data` at the rising edges where `enable` is 1.
    pub fn memory_write(&mut self, memory: Memory, enable: Signal, address: Signal, data: Signal) {
        let Some(name) = self.memory_port(memory, enable, address) else {
            return;
        };
        if !self.owns(data, "memory_write")
            || !self.require(data, memory.word.ty, || format!("write of memory `{name}`"))
        {
            return;
        }
        if self.data.memories[memory.index].write.is_some() {
            let (module, signal) = (
                self.data.name.clone(),
                format!("the write port of `{name}`"),
            );
            self.fail(NetlistError::DrivenTwice { module, signal });
            return;
        }
        let enable = self.unless_always(enable);
        let write = MemoryWrite {
            enable,
            address: address.id,
            data: data.id,
        };
        self.data.memories[memory.index].write = Some(write);
        self.data.items.push(Item::MemoryWrite(memory.index));
    }

    /// The read register of the memory, called `name`: at the rising edges where `enable` is 1 it
    /// takes the word at `address`, as it was before a write at the same edge.
    pub fn memory_read(
        &mut self,
        memory: Memory,
        name: impl Into<String>,
        enable: Signal,
        address: Signal,
    ) -> Signal {
        let read_name = name.into();
        let Some(name) = self.memory_port(memory, enable, address) else {
            return self.dummy(memory.word.ty);
        };
        if self.data.memories[memory.index].read.is_some() {
            let (module, signal) = (self.data.name.clone(), format!("the read port of `{name}`"));
            self.fail(NetlistError::DrivenTwice { module, signal });
            return self.dummy(memory.word.ty);
        }
        self.claim(&read_name);
        let word = self.push(Op::MemoryRead(memory.index), memory.word.ty);
        self.node_mut(word.id).name = Some(read_name);
        let enable = self.unless_always(enable);
        let read = MemoryRead {
            enable,
            address: address.id,
            node: word.id,
        };
        self.data.memories[memory.index].read = Some(read);
        self.data.items.push(Item::MemoryRead(memory.index));
        word
    }

    /// Instantiates `child`, all of whose input ports have to be connected; clock and reset are
    /// connected by themselves.
    pub fn instance(
        &mut self,
        name: impl Into<String>,
        child: &Module,
        inputs: &[(&str, Signal)],
    ) -> Instance {
        let name = name.into();
        self.claim(&name);
        self.check_inputs(&name, child, inputs);
        let index = self.data.instances.len();
        let known = self
            .data
            .instances
            .iter()
            .find(|other| *other.module == *child);
        let module = known.map_or_else(|| Arc::new(child.clone()), |other| other.module.clone());
        self.data.instances.push(InstanceData {
            name: name.clone(),
            module,
            connections: vec![],
            clear: None,
        });

        let mut connections = Vec::new();
        let mut outputs = Vec::new();
        for (position, port) in child.ports().iter().enumerate() {
            connections.push(match (port.role, port.direction) {
                (Role::Data, Direction::Input) => inputs
                    .iter()
                    .find(|(name, _)| *name == port.name)
                    .map(|(_, s)| s.id),
                (Role::Data, Direction::Output) => {
                    let output = self.push(Op::InstanceOutput(index, position), port.ty);
                    outputs.push((port.name.clone(), output));
                    Some(output.id)
                }
                _ => None,
            });
        }
        self.data.instances[index].connections = connections;
        self.data.items.push(Item::Instance(index));
        Instance {
            name: format!("instance `{name}`"),
            parent: self.data.name.clone(),
            outputs,
            dummy: self.dummy(BIT),
            error: self.error.clone(),
        }
    }

    /// The same with a reset of its own: `clear`, synchronous and active high, beside the module's.
    pub fn instance_with_clear(
        &mut self,
        name: impl Into<String>,
        child: &Module,
        inputs: &[(&str, Signal)],
        clear: Signal,
    ) -> Instance {
        let index = self.data.instances.len();
        let instance = self.instance(name, child, inputs);
        let fits = self.owns(clear, "instance") && self.require(clear, BIT, || "clear".into());
        if let (true, Some(data)) = (fits, self.data.instances.get_mut(index)) {
            data.clear = Some(clear.id);
        }
        instance
    }

    fn check_inputs(&mut self, name: &str, child: &Module, inputs: &[(&str, Signal)]) {
        let instance = format!("instance `{name}`");
        let module = self.data.name.clone();
        let is_input =
            |port: &&super::Port| port.role == Role::Data && port.direction == Direction::Input;
        for (position, (port_name, signal)) in inputs.iter().enumerate() {
            let Some(port) = child
                .ports()
                .iter()
                .filter(is_input)
                .find(|p| p.name == *port_name)
            else {
                let (port, direction) = (port_name.to_string(), "input port");
                self.fail(NetlistError::UnknownPort {
                    module,
                    instance,
                    direction,
                    port,
                });
                return;
            };
            if self.owns(*signal, "instance") {
                self.require(*signal, port.ty, || {
                    format!("port `{port_name}` of {instance}")
                });
            }
            if inputs[..position]
                .iter()
                .any(|(earlier, _)| earlier == port_name)
            {
                let signal = format!("port `{port_name}` of {instance}");
                self.fail(NetlistError::DrivenTwice { module, signal });
                return;
            }
        }
        for port in child.ports().iter().filter(is_input) {
            if !inputs.iter().any(|(name, _)| *name == port.name) {
                let port = port.name.clone();
                self.fail(NetlistError::MissingPort {
                    module,
                    instance,
                    port,
                });
                return;
            }
        }
    }

    fn new_register(&mut self, name: String, ty: Type, reset: Option<Vec<u64>>) -> Signal {
        self.claim(&name);
        let register = self.push(Op::Register(self.data.registers.len()), ty);
        self.node_mut(register.id).name = Some(name);
        let data = RegisterData {
            node: register.id,
            reset,
            next: None,
            enable: None,
        };
        self.data.registers.push(data);
        register
    }

    fn set_next(&mut self, register: Signal, enable: Option<Id>, next: Signal) {
        if !self.owns(register, "update") || !self.owns(next, "update") {
            return;
        }
        let (module, signal) = (self.data.name.clone(), self.data.describe(register.id));
        let Op::Register(index) = self.data.node(register.id).op else {
            let expected = "register";
            return self.fail(NetlistError::NotDrivable {
                module,
                signal,
                expected,
            });
        };
        if self.data.registers[index].next.is_some() {
            return self.fail(NetlistError::DrivenTwice { module, signal });
        }
        if self.require(next, register.ty, || format!("update of {signal}")) {
            self.data.registers[index].next = Some(next.id);
            self.data.registers[index].enable = enable;
            self.data.items.push(Item::Update(index));
        }
    }

    /// Checks what both ports of a memory have in common; the memory's name if all is well.
    fn memory_port(&mut self, memory: Memory, enable: Signal, address: Signal) -> Option<String> {
        for signal in [memory.word, enable, address] {
            if !self.owns(signal, "memory") {
                return None;
            }
        }
        let data = &self.data.memories[memory.index];
        let (name, bits) = (data.name.clone(), address_width(data.depth));
        let fits = self.require(enable, BIT, || format!("enable of memory `{name}`"))
            && self.require(address, unsigned(bits), || {
                format!("address of memory `{name}`")
            });
        fits.then_some(name)
    }

    /// The enable's node, or none if it is the constant 1.
    fn unless_always(&self, enable: Signal) -> Option<Id> {
        match &self.data.node(enable.id).op {
            Op::Constant(words) if words[0] == 1 => None,
            _ => Some(enable.id),
        }
    }
}
