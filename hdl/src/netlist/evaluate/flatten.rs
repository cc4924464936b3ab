//! The hierarchy as one list of nodes.

use crate::netlist::data::{Id, ModuleData, Op, words_of};
use crate::netlist::module::Module;
use crate::netlist::{NetlistError, Type};

/// An instance of a module, or the top.
pub(super) struct Scope<'a> {
    pub(super) data: &'a ModuleData,
    /// Empty for the top, else the path with a dot at its end.
    pub(super) path: String,
    /// Number of its first node among all.
    base: usize,
    /// The scope that instantiates it and the number of its instance there.
    pub(super) parent: Option<(usize, usize)>,
    /// The scopes of its instances.
    children: Vec<usize>,
}

pub(super) struct Flat<'a> {
    pub(super) scopes: Vec<Scope<'a>>,
    /// The scope of each node.
    scope_of: Vec<usize>,
    /// For each node the one that holds its value.
    source: Vec<usize>,
}

impl<'a> Flat<'a> {
    pub(super) fn new(module: &'a Module) -> Result<Flat<'a>, NetlistError> {
        let mut flat = Flat {
            scopes: Vec::new(),
            scope_of: Vec::new(),
            source: Vec::new(),
        };
        flat.add(&module.data, String::new(), None);
        flat.source = vec![usize::MAX; flat.scope_of.len()];
        for node in 0..flat.source.len() {
            flat.find_source(node)?;
        }
        Ok(flat)
    }

    fn add(&mut self, data: &'a ModuleData, path: String, parent: Option<(usize, usize)>) -> usize {
        let (number, base) = (self.scopes.len(), self.scope_of.len());
        self.scope_of.resize(base + data.nodes.len(), number);
        self.scopes.push(Scope {
            data,
            path: path.clone(),
            base,
            parent,
            children: Vec::new(),
        });
        for (index, instance) in data.instances.iter().enumerate() {
            let path = format!("{path}{}.", instance.name);
            let child = self.add(&instance.module.data, path, Some((number, index)));
            self.scopes[number].children.push(child);
        }
        number
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.scope_of.len()
    }

    pub(super) fn scope(&self, node: usize) -> usize {
        self.scope_of[node]
    }

    pub(super) fn op(&self, node: usize) -> &'a Op {
        let scope = &self.scopes[self.scope_of[node]];
        &scope.data.nodes[node - scope.base].op
    }

    pub(super) fn ty(&self, node: usize) -> Type {
        let scope = &self.scopes[self.scope_of[node]];
        scope.data.nodes[node - scope.base].ty
    }

    /// The number among all of a scope's own node.
    pub(super) fn number(&self, scope: usize, id: Id) -> usize {
        self.scopes[scope].base + id as usize
    }

    /// The node that holds the value of `node`.
    pub(super) fn source(&self, node: usize) -> usize {
        self.source[node]
    }

    /// The nodes that hold the values of the operands of `node`, which is a source itself.
    pub(super) fn operands(&self, node: usize) -> Vec<usize> {
        let scope = self.scope_of[node];
        let mut operands = Vec::new();
        self.op(node)
            .operands(|id| operands.push(self.source[self.number(scope, id)]));
        operands
    }

    fn find_source(&mut self, start: usize) -> Result<(), NetlistError> {
        let mut passed = Vec::new();
        let mut node = start;
        let source = loop {
            if self.source[node] != usize::MAX {
                break self.source[node];
            }
            passed.push(node);
            match self.step_to_source(node) {
                None => break node,
                Some(_) if passed.len() > self.len() => return Err(self.loop_error(&passed)),
                Some(next) => node = next,
            }
        };
        for node in passed {
            self.source[node] = source;
        }
        Ok(())
    }

    /// The node whose value `node` has unchanged, or none if it has one of its own.
    fn step_to_source(&self, node: usize) -> Option<usize> {
        let number = self.scope_of[node];
        let scope = &self.scopes[number];
        match self.op(node) {
            Op::Cast(a) | Op::Alias(a) | Op::Wire(Some(a)) => Some(self.number(number, *a)),
            // The words of an unsigned value are those of the longer value, unless there are more.
            Op::Extend(a) => {
                let a = self.number(number, *a);
                let same = words_of(self.ty(a).width) == words_of(self.ty(node).width);
                (same && !self.ty(a).signed).then_some(a)
            }
            Op::Input => {
                let (parent, instance) = scope.parent?;
                let port = scope.data.ports.iter().position(|port| {
                    port.node.is_some_and(|id| scope.base + id as usize == node)
                })?;
                let driver = self.scopes[parent].data.instances[instance].connections[port]?;
                Some(self.number(parent, driver))
            }
            Op::InstanceOutput(instance, port) => {
                let child = scope.children[*instance];
                let id = self.scopes[child].data.ports[*port].node?;
                Some(self.number(child, id))
            }
            _ => None,
        }
    }

    pub(super) fn loop_error(&self, nodes: &[usize]) -> NetlistError {
        let mut signals: Vec<String> = Vec::new();
        for node in nodes {
            let scope = &self.scopes[self.scope_of[*node]];
            if let Some(name) = &scope.data.nodes[node - scope.base].name {
                let signal = format!("`{}{name}`", scope.path);
                if signals.contains(&signal) {
                    break;
                }
                signals.push(signal);
            }
        }
        let module = self.scopes[0].data.name.clone();
        NetlistError::CombinationalLoop {
            module,
            signals: signals.join(" -> "),
        }
    }
}
