//! Combinational paths inside a module, and through the instances in it.

use super::NetlistError;
use super::data::{Id, ModuleData, Op};
use super::module::Direction;

/// Calls `visit` for each node that `id` depends on within a cycle. The path through an instance is
/// that of its module's ports, so a valid and a ready may cross it in opposite directions.
fn dependencies(data: &ModuleData, id: Id, mut visit: impl FnMut(Id)) {
    let op = &data.node(id).op;
    if let Op::InstanceOutput(instance, port) = op {
        let instance = &data.instances[*instance];
        for input in &instance.module.data.reached_by[*port] {
            if let Some(driver) = instance.connections[*input] {
                visit(driver);
            }
        }
    } else {
        op.operands(visit);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// An error if a node depends on itself within a cycle.
pub(super) fn check_loops(data: &ModuleData) -> Result<(), NetlistError> {
    let mut marks = vec![Mark::New; data.nodes.len()];
    for start in 0..data.nodes.len() as Id {
        if marks[start as usize] == Mark::New {
            check_from(data, start, &mut marks)?;
        }
    }
    Ok(())
}

fn check_from(data: &ModuleData, start: Id, marks: &mut [Mark]) -> Result<(), NetlistError> {
    // A stack of our own: a chain of nodes may be longer than the call stack allows.
    let mut path: Vec<(Id, Vec<Id>)> = Vec::new();
    let mut next = Some(start);
    loop {
        if let Some(id) = next.take() {
            match marks[id as usize] {
                Mark::Done => {}
                Mark::OnPath => {
                    let ids: Vec<Id> = path.iter().map(|(id, _)| *id).collect();
                    return Err(loop_error(data, &ids, id));
                }
                Mark::New => {
                    marks[id as usize] = Mark::OnPath;
                    let mut waiting = Vec::new();
                    dependencies(data, id, |a| waiting.push(a));
                    path.push((id, waiting));
                }
            }
        }
        let Some((id, waiting)) = path.last_mut() else {
            return Ok(());
        };
        next = waiting.pop();
        if next.is_none() {
            marks[*id as usize] = Mark::Done;
            path.pop();
        }
    }
}

fn loop_error(data: &ModuleData, path: &[Id], again: Id) -> NetlistError {
    let start = path.iter().position(|id| *id == again).unwrap_or(0);
    let named = |id: &&Id| data.node(**id).name.is_some();
    // The path runs from a node to what it depends on; the reader follows the signal's flow.
    let names: Vec<String> = path[start..]
        .iter()
        .filter(named)
        .rev()
        .map(|id| data.describe(*id))
        .collect();
    NetlistError::CombinationalLoop {
        module: data.name.clone(),
        signals: names.join(" -> "),
    }
}

/// For each port the ports that reach it within a cycle; empty for inputs.
pub(super) fn reached_by(data: &ModuleData) -> Vec<Vec<usize>> {
    let mut port_of = vec![None; data.nodes.len()];
    for (index, port) in data.ports.iter().enumerate() {
        if let (Direction::Input, Some(node)) = (port.direction, port.node) {
            port_of[node as usize] = Some(index);
        }
    }
    let mut seen_for = vec![usize::MAX; data.nodes.len()];
    let mut reached = vec![Vec::new(); data.ports.len()];
    for (index, port) in data.ports.iter().enumerate() {
        let mut waiting = match (port.direction, port.node) {
            (Direction::Output, Some(node)) => vec![node],
            _ => continue,
        };
        while let Some(id) = waiting.pop() {
            if seen_for[id as usize] != index {
                seen_for[id as usize] = index;
                reached[index].extend(port_of[id as usize]);
                dependencies(data, id, |a| waiting.push(a));
            }
        }
        reached[index].sort_unstable();
    }
    reached
}
