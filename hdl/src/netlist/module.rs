use super::data::{Id, InstanceData, ModuleData};
use super::{NetlistError, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// Whether a port goes into or out of its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Driven from outside.
    Input,
    /// Driven by the module.
    Output,
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `clk`, present when the module or one below it has a register or a memory.
    Clock,
    /// `rst`, synchronous and active high, present when a register below is reset.
    Reset,
    /// Everything that the description itself declares.
    Data,
}

/// A port of a [`Module`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the Verilog.
    pub name: String,
    /// Its width and sign.
    pub ty: Type,
    /// Into or out of the module.
    pub direction: Direction,
    /// Clock, reset or data.
    pub role: Role,
    /// What it carries; printed beside it.
    pub doc: String,
    /// The node behind it; clock and reset have none.
    pub(super) node: Option<Id>,
}

/// A finished, checked module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Module {
    pub(super) data: Arc<ModuleData>,
}

impl PartialEq for Module {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.data, &other.data) || self.data == other.data
    }
}

impl Eq for Module {}

impl Module {
    /// The module's name in the Verilog.
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// What the module does; printed above it.
    pub fn doc(&self) -> &str {
        &self.data.doc
    }

    /// All ports in the order in which they are printed, clock and reset first.
    pub fn ports(&self) -> &[Port] {
        &self.data.ports
    }

    /// The distinct modules instantiated in this one, in the order of their first instance.
    pub fn children(&self) -> Vec<Arc<Module>> {
        let mut distinct: Vec<Arc<Module>> = Vec::new();
        for instance in &self.data.instances {
            if !distinct.contains(&instance.module) {
                distinct.push(instance.module.clone());
            }
        }
        distinct
    }

    /// Name and module of each instance, in source order.
    pub fn instances(&self) -> impl Iterator<Item = (&str, &Arc<Module>)> {
        self.data
            .instances
            .iter()
            .map(|instance| (instance.name.as_str(), &instance.module))
    }

    /// The module's Verilog-2005 file: `header` as a comment, one line for each of its lines, then
    /// the module alone. The modules below it are files of their own ([`Module::hierarchy`]).
    pub fn verilog(&self, header: &str) -> String {
        super::print::file(&self.data, header)
    }

    /// Each distinct module once, those that are instantiated before those that instantiate them,
    /// this one last.
    ///
    /// # Errors
    /// [`NetlistError::ModuleConflict`] if two different modules have one name.
    pub fn hierarchy(&self) -> Result<Vec<Arc<Module>>, NetlistError> {
        let mut found = Vec::new();
        collect(&Arc::new(self.clone()), &mut found)?;
        Ok(found)
    }

    /// The same module and everything below it with every module called `{prefix}_{name}`, so that
    /// two configurations can live in one design.
    pub fn with_prefix(&self, prefix: &str) -> Module {
        self.rebuild(&mut HashMap::new(), &|data| {
            data.name = format!("{prefix}_{}", data.name)
        })
    }

    /// A copy of the hierarchy with `change` applied to every module, children first. Shared
    /// modules stay shared.
    pub(super) fn rebuild(
        &self,
        done: &mut HashMap<*const ModuleData, Module>,
        change: &impl Fn(&mut ModuleData),
    ) -> Module {
        let key = Arc::as_ptr(&self.data);
        if let Some(module) = done.get(&key) {
            return module.clone();
        }
        let mut data = ModuleData::clone(&self.data);
        for InstanceData { module, .. } in &mut data.instances {
            *module = Arc::new(module.rebuild(done, change));
        }
        change(&mut data);
        let module = Module {
            data: Arc::new(data),
        };
        done.insert(key, module.clone());
        module
    }

    pub(super) fn has_role(&self, role: Role) -> bool {
        self.data.ports.iter().any(|port| port.role == role)
    }
}

fn collect(module: &Arc<Module>, found: &mut Vec<Arc<Module>>) -> Result<(), NetlistError> {
    if let Some(earlier) = found.iter().find(|m| m.name() == module.name()) {
        if earlier == module {
            return Ok(());
        }
        return Err(NetlistError::ModuleConflict {
            module: module.name().into(),
        });
    }
    for (_, child) in module.instances() {
        collect(child, found)?;
    }
    // A module below may have taken the name in the meantime.
    if found.iter().any(|m| m.name() == module.name()) {
        return Err(NetlistError::ModuleConflict {
            module: module.name().into(),
        });
    }
    found.push(module.clone());
    Ok(())
}
