//! A module as the text of a Verilog-2005 file.

use super::Type;
use super::data::{CLOCK, Id, InstanceData, Item, ModuleData, Op, RESET, UNUSED};
use super::expression::{expression, reference};
use super::module::{Direction, Port, Role};

/// Longer lines are broken.
const LINE: usize = 100;
const INDENT: &str = "    ";

pub(super) fn file(data: &ModuleData, header: &str) -> String {
    let mut printer = Printer {
        data,
        is_port: port_nets(data),
        text: String::new(),
        last: None,
    };
    printer.comment("", header);
    printer.text += "`default_nettype none\n\n";
    printer.comment("", &data.doc);
    printer.ports();
    printer.body();
    printer.text += "endmodule\n\n`default_nettype wire\n";
    printer.text
}

/// Which nodes are output ports themselves: those of the port's name.
fn port_nets(data: &ModuleData) -> Vec<bool> {
    let mut is_port = vec![false; data.nodes.len()];
    for port in data
        .ports
        .iter()
        .filter(|port| port.direction == Direction::Output)
    {
        if let Some(id) = port.node {
            is_port[id as usize] |= data.node(id).name.as_ref() == Some(&port.name);
        }
    }
    is_port
}

/// Kinds of statements that are set apart from each other by a blank line.
#[derive(Clone, Copy, PartialEq)]
enum Group {
    Comment,
    Net,
    /// The register of the always block, or the output of the instance, that follows.
    Leading,
    Block,
}

struct Printer<'a> {
    data: &'a ModuleData,
    is_port: Vec<bool>,
    text: String,
    last: Option<Group>,
}

impl Printer<'_> {
    fn comment(&mut self, indent: &str, text: &str) {
        for paragraph in text.lines() {
            let room = LINE.saturating_sub(indent.len() + 3);
            for line in fill(paragraph, room, room) {
                self.text += format!("{indent}// {line}").trim_end();
                self.text += "\n";
            }
        }
    }

    fn ports(&mut self) {
        let data = self.data;
        if data.ports.is_empty() {
            self.text += &format!("module {};\n", data.name);
            return;
        }
        self.text += &format!("module {} (\n", data.name);
        let kinds: Vec<String> = data.ports.iter().map(|port| self.port_kind(port)).collect();
        let kind_width = kinds.iter().map(String::len).max().unwrap_or(0);
        let widths = data.ports.iter().map(|port| port.name.len() + 1);
        let name_width = widths.max().unwrap_or(0);
        for (index, (port, kind)) in data.ports.iter().zip(&kinds).enumerate() {
            let comma = if index + 1 == data.ports.len() {
                ""
            } else {
                ","
            };
            let name = format!("{}{comma}", port.name);
            let line = format!(
                "{INDENT}{kind:kind_width$} {name:name_width$}  // {}",
                port.doc
            );
            if port.doc.is_empty() || line.len() > LINE || port.doc.contains('\n') {
                self.comment(INDENT, &port.doc);
                self.text += &format!("{INDENT}{kind:kind_width$} {name}\n");
            } else {
                self.text += &line;
                self.text += "\n";
            }
        }
        self.text += ");\n";
    }

    fn port_kind(&self, port: &Port) -> String {
        let is_reg = port.node.is_some_and(|id| {
            self.is_port[id as usize]
                && matches!(self.data.node(id).op, Op::Register(_) | Op::MemoryRead(_))
        });
        let direction = match port.direction {
            Direction::Input => "input  wire",
            Direction::Output if is_reg => "output reg ",
            Direction::Output => "output wire",
        };
        format!("{direction} {}", range(port.ty)).trim_end().into()
    }

    fn body(&mut self) {
        let mut index = 0;
        while index < self.data.items.len() {
            index += match &self.data.items[index] {
                Item::Update(_) => self.always_block(index),
                item => {
                    self.item(item);
                    1
                }
            };
        }
        if !self.data.discarded.is_empty() {
            let read: Vec<String> = self
                .data
                .discarded
                .iter()
                .map(|id| reference(self.data, *id).text)
                .collect();
            self.comment_item("Deliberately not read.");
            self.assign(
                &format!("wire {UNUSED}"),
                &format!("&{{1'b0, {}}}", read.join(", ")),
            );
        }
    }

    fn item(&mut self, item: &Item) {
        let data = self.data;
        match item {
            Item::Comment(text) => self.comment_item(text),
            Item::Node(id) => self.node(*id),
            Item::Drive(id) => {
                let name = data.node(*id).name.as_deref().unwrap_or_default();
                self.assign(&format!("assign {name}"), &expression(data, *id).text);
            }
            Item::Memory(index) => {
                let memory = &data.memories[*index];
                let word = range(super::unsigned(memory.width));
                let name = format!("{} [0:{}];", memory.name, memory.depth - 1);
                let mut lines = vec![format!("{INDENT}{}", spaced(&["reg", &word, &name]))];
                if memory.exclusive {
                    lines.insert(0, format!("{INDENT}(* no_rw_check *)"));
                }
                self.statement(Group::Leading, &lines);
            }
            Item::MemoryWrite(index) => self.memory_write(*index),
            Item::MemoryRead(index) => self.memory_read(*index),
            Item::Instance(index) => self.instance(&data.instances[*index]),
            Item::Output(index) => {
                let port = &data.ports[*index];
                if let Some(id) = port.node.filter(|_| self.prints(item)) {
                    let value = reference(data, id).text;
                    self.assign(&format!("assign {}", port.name), &value);
                }
            }
            Item::Update(_) => {}
        }
    }

    /// Whether an item leaves anything in the text.
    fn prints(&self, item: &Item) -> bool {
        match item {
            Item::Node(id) => {
                let node = self.data.node(*id);
                let has_statement = match node.op {
                    Op::Input => false,
                    // Declared as a port, and driven by another statement.
                    Op::Register(_) | Op::MemoryRead(_) | Op::Wire(_) | Op::InstanceOutput(..) => {
                        !self.is_port[*id as usize]
                    }
                    _ => true,
                };
                has_statement && node.name.is_some()
            }
            Item::Output(index) => {
                let port = &self.data.ports[*index];
                port.node
                    .is_some_and(|id| self.data.node(id).name.as_ref() != Some(&port.name))
            }
            _ => true,
        }
    }

    fn node(&mut self, id: Id) {
        if !self.prints(&Item::Node(id)) {
            return;
        }
        let node = self.data.node(id);
        let name = node.name.as_deref().unwrap_or_default();
        let range = range(node.ty);
        let declaration = |kind: &str| format!("{INDENT}{}", spaced(&[kind, &range, name]) + ";");
        match node.op {
            Op::Register(_) | Op::MemoryRead(_) => {
                self.statement(Group::Leading, &[declaration("reg")]);
            }
            Op::Wire(_) => self.statement(Group::Net, &[declaration("wire")]),
            Op::InstanceOutput(..) => self.statement(Group::Leading, &[declaration("wire")]),
            _ => {
                let target = if self.is_port[id as usize] {
                    format!("assign {name}")
                } else {
                    spaced(&["wire", &range, name])
                };
                self.assign(&target, &expression(self.data, id).text);
            }
        }
    }

    /// The updates from `start` on that go into one always block; returns how many items that are.
    fn always_block(&mut self, start: usize) -> usize {
        let data = self.data;
        let mut updates = Vec::new();
        let mut end = start;
        for (offset, item) in data.items[start..].iter().enumerate() {
            match item {
                Item::Update(index) => {
                    let register = &data.registers[*index];
                    let first = &data.registers[*updates.first().unwrap_or(index)];
                    if first.reset.is_some() != register.reset.is_some() {
                        break;
                    }
                    updates.push(*index);
                    end = start + offset + 1;
                }
                item if self.prints(item) => break,
                _ => {}
            }
        }
        let lines = self.updates(&updates);
        self.always(&lines);
        end - start
    }

    fn updates(&self, updates: &[usize]) -> Vec<String> {
        let data = self.data;
        let mut enabled: Vec<(Option<Id>, Vec<String>)> = Vec::new();
        let mut resets = Vec::new();
        for index in updates {
            let register = &data.registers[*index];
            let name = data.node(register.node).name.as_deref().unwrap_or_default();
            if let Some(words) = &register.reset {
                let value = super::expression::constant(words, data.node(register.node).ty);
                resets.push(format!("{name} <= {};", value.text));
            }
            let next = register
                .next
                .map_or(String::new(), |id| reference(data, id).text);
            let line = format!("{name} <= {next};");
            match enabled.last_mut() {
                Some((enable, lines)) if *enable == register.enable => lines.push(line),
                _ => enabled.push((register.enable, vec![line])),
            }
        }
        let mut lines = Vec::new();
        if let (false, [(enable, body)]) = (resets.is_empty(), enabled.as_slice()) {
            lines.push(format!("if ({RESET}) begin"));
            lines.extend(indented(&resets));
            lines.push(match enable {
                Some(id) => format!("end else if ({}) begin", reference(data, *id).text),
                None => "end else begin".into(),
            });
            lines.extend(indented(body));
            lines.push("end".into());
            return lines;
        }
        for (enable, body) in &enabled {
            lines.extend(self.under(*enable, body));
        }
        if resets.is_empty() {
            return lines;
        }
        let mut all = vec![format!("if ({RESET}) begin")];
        all.extend(indented(&resets));
        all.push("end else begin".into());
        all.extend(indented(&lines));
        all.push("end".into());
        all
    }

    fn under(&self, enable: Option<Id>, body: &[String]) -> Vec<String> {
        let Some(enable) = enable else {
            return body.to_vec();
        };
        let mut lines = vec![format!("if ({}) begin", reference(self.data, enable).text)];
        lines.extend(indented(body));
        lines.push("end".into());
        lines
    }

    fn memory_write(&mut self, index: usize) {
        let memory = &self.data.memories[index];
        if let Some(port) = &memory.write {
            let address = reference(self.data, port.address).text;
            let value = reference(self.data, port.data).text;
            let line = format!("{}[{address}] <= {value};", memory.name);
            let lines = self.under(port.enable, &[line]);
            self.always(&lines);
        }
    }

    fn memory_read(&mut self, index: usize) {
        let memory = &self.data.memories[index];
        if let Some(port) = &memory.read {
            let name = self
                .data
                .node(port.node)
                .name
                .as_deref()
                .unwrap_or_default();
            let address = reference(self.data, port.address).text;
            let line = format!("{name} <= {}[{address}];", memory.name);
            let lines = self.under(port.enable, &[line]);
            self.always(&lines);
        }
    }

    fn always(&mut self, body: &[String]) {
        let mut lines = vec![format!("{INDENT}always @(posedge {CLOCK}) begin")];
        for line in indented(&indented(body)) {
            lines.extend(broken(&line));
        }
        lines.push(format!("{INDENT}end"));
        self.statement(Group::Block, &lines);
    }

    fn instance(&mut self, instance: &InstanceData) {
        let ports = instance.module.ports();
        let mut lines = vec![format!(
            "{INDENT}{} {} (",
            instance.module.name(),
            instance.name
        )];
        for (index, (port, connection)) in ports.iter().zip(&instance.connections).enumerate() {
            let value = match (port.role, connection) {
                (Role::Clock, _) => CLOCK.into(),
                (Role::Reset, _) => match instance.clear {
                    Some(id) => format!("{RESET} | {}", reference(self.data, id).text),
                    None => RESET.into(),
                },
                (Role::Data, Some(id)) => reference(self.data, *id).text,
                (Role::Data, None) => String::new(),
            };
            let comma = if index + 1 == ports.len() { "" } else { "," };
            lines.extend(broken(&format!(
                "{INDENT}{INDENT}.{}({value}){comma}",
                port.name
            )));
        }
        lines.push(format!("{INDENT});"));
        self.statement(Group::Block, &lines);
    }

    fn comment_item(&mut self, text: &str) {
        if self.last.is_some_and(|last| last != Group::Comment) {
            self.text += "\n";
        }
        self.comment(INDENT, text);
        self.last = Some(Group::Comment);
    }

    fn assign(&mut self, target: &str, value: &str) {
        self.statement(Group::Net, &broken(&format!("{INDENT}{target} = {value};")));
    }

    fn statement(&mut self, group: Group, lines: &[String]) {
        let together = matches!(
            (self.last, group),
            (None | Some(Group::Comment | Group::Leading), _) | (Some(Group::Net), Group::Net)
        );
        if !together {
            self.text += "\n";
        }
        for line in lines {
            self.text += line;
            self.text += "\n";
        }
        self.last = Some(group);
    }
}

/// `signed` and the range, as in a declaration.
fn range(ty: Type) -> String {
    let range = if ty.width == 1 {
        String::new()
    } else {
        format!("[{}:0]", ty.width - 1)
    };
    spaced(&[if ty.signed { "signed" } else { "" }, &range])
}

fn spaced(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("{INDENT}{line}")).collect()
}

/// A statement broken at spaces where it is too long, its continuation indented.
fn broken(line: &str) -> Vec<String> {
    let text = line.trim_start();
    let indent = " ".repeat(line.len() - text.len());
    let room = LINE.saturating_sub(indent.len());
    let mut lines = fill(text, room, room.saturating_sub(INDENT.len()));
    for (index, line) in lines.iter_mut().enumerate() {
        *line = format!("{indent}{}{line}", if index == 0 { "" } else { INDENT });
    }
    lines
}

/// Breaks `text` at spaces into lines of at most `first`, then `rest` characters.
fn fill(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let room = if lines.len() == 1 { first } else { rest };
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line += word,
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                *line += " ";
                *line += word;
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
