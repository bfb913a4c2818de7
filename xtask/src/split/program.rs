//! A linked program as a graph: functions and constants, and which refers to which.
//!
//! The linker knows (`--emit-relocs`): each relocation is a place in code or data that holds the number of a function, of
//! its place in the table, or the address of a constant. [Linking.md] of WebAssembly's tool conventions has the format.
//!
//! [Linking.md]: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use wasmparser::{
    BinaryReaderError, ExternalKind, KnownCustom, Linking, Operator, Parser, Payload, RelocationEntry, RelocationType,
    SymbolInfo, TypeRef,
};

/// Functions by index, and after them the constants.
#[derive(Default)]
pub(super) struct Program {
    /// Names of functions as the compiler spells them.
    names: Vec<String>,
    /// Where constants are in memory; some overlap.
    places: Vec<Range<u32>>,
    /// What each function or constant refers to.
    to: Vec<Vec<usize>>,
    /// What is used from outside, or from a place that belongs to nothing.
    roots: Vec<usize>,
}

/// What is not needed at first.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Later {
    /// Names of functions that nothing of the first part is called.
    pub(super) functions: HashSet<String>,
    /// Stretches of memory.
    pub(super) places: Vec<Range<u32>>,
}

/// Shorter stretches are not worth the words that say where they belong.
const SHORTEST: u32 = 12;

impl Program {
    /// Reads what the linker left.
    pub(super) fn read(wasm: &[u8]) -> Result<Self, Error> {
        let sections = Sections::read(wasm).map_err(|error| unexpected(&error.to_string()))?;
        sections.program()
    }

    /// What is reached only by way of functions whose name holds `border`, and these themselves.
    pub(super) fn later(&self, border: &str) -> Later {
        let count = self.names.len();
        let behind = |node: usize| self.names.get(node).is_some_and(|name| name.contains(border));
        let mut first = vec![false; self.to.len()];
        let mut work = self.roots.clone();
        while let Some(node) = work.pop() {
            if !behind(node) && !std::mem::replace(&mut first[node], true) {
                work.extend(&self.to[node]);
            }
        }
        let needed: HashSet<&str> = (0..count).filter(|f| first[*f]).map(|f| self.names[f].as_str()).collect();
        let functions = (0..count).filter(|f| !first[*f]).map(|f| &self.names[f]);
        let functions = functions.filter(|name| !needed.contains(name.as_str())).cloned().collect();
        let places = |at_first: bool| -> Vec<Range<u32>> {
            let all = self.places.iter().zip(&first[count..]);
            all.filter(|(_, first)| **first == at_first).map(|(place, _)| place.clone()).collect()
        };
        Later { functions, places: without(&joined(places(false)), &joined(places(true))) }
    }
}

/// The same places in order, without overlap.
fn joined(mut places: Vec<Range<u32>>) -> Vec<Range<u32>> {
    places.retain(|place| !place.is_empty());
    places.sort_by_key(|place| place.start);
    let mut joined: Vec<Range<u32>> = Vec::new();
    for place in places {
        match joined.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => joined.push(place),
        }
    }
    joined
}

/// Places that are not among others. Both are in order.
fn without(places: &[Range<u32>], others: &[Range<u32>]) -> Vec<Range<u32>> {
    let mut rest = Vec::new();
    for place in places {
        let mut start = place.start;
        let after = others.partition_point(|other| other.end <= place.start);
        for other in others[after..].iter().take_while(|other| other.start < place.end) {
            rest.push(start..other.start.max(start));
            start = start.max(other.end);
        }
        rest.push(start.min(place.end)..place.end);
    }
    rest.retain(|place| place.len() >= SHORTEST as usize);
    rest
}

/// What of the file is needed.
#[derive(Default)]
struct Sections<'a> {
    imported: u32,
    names: BTreeMap<u32, String>,
    /// In the file.
    bodies: Vec<Range<usize>>,
    code: usize,
    data: usize,
    /// By segment: where it begins in the file, and in memory.
    segments: Vec<(usize, u32)>,
    symbols: Vec<SymbolInfo<'a>>,
    /// By the section that they are in.
    relocations: Vec<(u32, RelocationEntry)>,
    indices: (u32, u32),
    exports: Vec<u32>,
}

impl<'a> Sections<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut s = Self::default();
        let mut index = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            let is_section = payload.as_section().is_some();
            match payload {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        s.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        s.exports.extend((export.kind == ExternalKind::Func).then_some(export.index));
                    }
                }
                Payload::StartSection { func, .. } => s.exports.push(func),
                Payload::CodeSectionStart { range, .. } => (s.code, s.indices.0) = (range.start, index),
                Payload::CodeSectionEntry(body) => s.bodies.push(body.range()),
                Payload::DataSection(data) => {
                    (s.data, s.indices.1) = (data.range().start, index);
                    for segment in data {
                        let segment = segment?;
                        let address = match segment.kind {
                            wasmparser::DataKind::Active { offset_expr, .. } => {
                                match offset_expr.get_operators_reader().read()? {
                                    Operator::I32Const { value } => value.cast_unsigned(),
                                    _ => 0,
                                }
                            }
                            wasmparser::DataKind::Passive => 0,
                        };
                        s.segments.push((segment.range.end - segment.data.len(), address));
                    }
                }
                Payload::CustomSection(custom) => match custom.as_known() {
                    KnownCustom::Linking(linking) => {
                        for part in linking.subsections() {
                            if let Linking::SymbolTable(symbols) = part? {
                                s.symbols = symbols.into_iter().collect::<Result<_, _>>()?;
                            }
                        }
                    }
                    KnownCustom::Reloc(relocations) => {
                        for entry in relocations.entries() {
                            s.relocations.push((relocations.section_index(), entry?));
                        }
                    }
                    KnownCustom::Name(names) => {
                        for part in names {
                            if let wasmparser::Name::Function(functions) = part? {
                                for naming in functions {
                                    let naming = naming?;
                                    s.names.insert(naming.index, naming.name.to_owned());
                                }
                            }
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
            index += u32::from(is_section);
        }
        Ok(s)
    }

    fn program(self) -> Result<Program, Error> {
        if self.relocations.is_empty() || self.symbols.is_empty() {
            return Err(unexpected("the linker left no relocations: crates/ui/build.rs asks for them"));
        }
        let count = self.imported as usize + self.bodies.len();
        let mut program = Program::default();
        let name = |index: usize| self.names.get(&(index as u32)).cloned().unwrap_or_else(|| format!("#{index}"));
        program.names = (0..count).map(name).collect();
        // Constants by their symbols; and where in the file they begin, to find whose a relocation is.
        let mut constants: Vec<Option<usize>> = Vec::new();
        let mut starts: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut longest = 0;
        for symbol in &self.symbols {
            let SymbolInfo::Data { symbol: Some(data), .. } = symbol else {
                constants.push(None);
                continue;
            };
            let (file, memory) = self.segments.get(data.index as usize).copied().unwrap_or_default();
            let node = count + program.places.len();
            constants.push(Some(node));
            program.places.push(memory + data.offset..memory + data.offset + data.size);
            starts.insert((file + data.offset as usize, node));
            longest = longest.max(data.size as usize);
        }
        program.to = vec![Vec::new(); count + program.places.len()];
        program.roots = self.exports.iter().map(|f| *f as usize).collect();
        for (section, entry) in &self.relocations {
            let at_code = *section == self.indices.0;
            if !at_code && *section != self.indices.1 {
                continue;
            }
            let Some(target) = self.target(entry, &constants)? else { continue };
            let place = entry.offset as usize + if at_code { self.code } else { self.data };
            if at_code {
                let body = self.bodies.partition_point(|body| body.end <= place);
                program.to[self.imported as usize + body].push(target);
                continue;
            }
            let around = starts.range((place.saturating_sub(longest), 0)..=(place, usize::MAX)).rev();
            let size = |node: usize| program.places[node - count].len();
            let of: Vec<usize> =
                around.filter(|(start, node)| place < start + size(*node)).map(|(_, node)| *node).collect();
            if of.is_empty() {
                program.roots.push(target);
            }
            for node in of {
                program.to[node].push(target);
            }
        }
        Ok(program)
    }

    /// What a relocation refers to, if that is a function or a constant.
    fn target(&self, entry: &RelocationEntry, constants: &[Option<usize>]) -> Result<Option<usize>, Error> {
        use RelocationType as R;
        let symbol = entry.index as usize;
        match entry.ty {
            R::FunctionIndexLeb | R::FunctionIndexI32 | R::TableIndexSleb | R::TableIndexI32 => {
                match self.symbols.get(symbol) {
                    Some(SymbolInfo::Func { index, .. }) => Ok(Some(*index as usize)),
                    _ => Err(unexpected("a relocation of a function names something else")),
                }
            }
            R::MemoryAddrLeb | R::MemoryAddrSleb | R::MemoryAddrI32 => Ok(constants.get(symbol).copied().flatten()),
            R::TypeIndexLeb | R::GlobalIndexLeb | R::TableNumberLeb => Ok(None),
            other => Err(unexpected(&format!("it has relocations of the kind {other:?}"))),
        }
    }
}

fn unexpected(detail: &str) -> Error {
    Error::Unexpected { what: "the linked program".into(), detail: detail.to_owned() }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "ranges are what is told apart")]
mod tests {
    use super::*;

    /// Four functions, and constants of ten bytes after them.
    fn later(constants: u32, to: &[&[usize]], roots: &[usize]) -> (Vec<String>, Vec<Range<u32>>) {
        let names = ["start", "needed", "behind", "hidden"].map(str::to_owned).to_vec();
        let places = (0..constants).map(|i| i * 20..i * 20 + 20).collect();
        let to = to.iter().map(|to| to.to_vec()).collect();
        let found = Program { names, places, to, roots: roots.to_vec() }.later("behind");
        let mut functions: Vec<String> = found.functions.into_iter().collect();
        functions.sort();
        (functions, found.places)
    }

    #[test]
    fn what_is_reached_only_behind_the_border_is_later() {
        // start -> needed and the border; behind it `hidden` and a constant.
        let (functions, places) = later(1, &[&[1, 2], &[], &[3], &[4], &[]], &[0]);
        assert_eq!((functions, places), (vec!["behind".to_owned(), "hidden".to_owned()], vec![0..20]));
    }

    #[test]
    fn what_is_also_reached_without_it_is_not() {
        // A constant of the first part, such as a table of methods, refers to `hidden`.
        let (functions, places) = later(2, &[&[2, 5], &[], &[3], &[4], &[], &[3]], &[0]);
        assert_eq!((functions, places), (vec!["behind".to_owned(), "needed".to_owned()], vec![]));
    }

    #[test]
    fn places_keep_what_is_left_of_them() {
        assert_eq!(joined(vec![30..40, 0..10, 5..20, 7..7]), [0..20, 30..40]);
        assert_eq!(without(&[0..100], &[20..30, 90..200]), [0..20, 30..90]);
        assert_eq!(without(&[0..20], &[0..10]), [] as [Range<u32>; 0], "too short");
        assert_eq!(without(&[0..20, 40..60], &[20..40]), [0..20, 40..60]);
        assert_eq!(without(&[10..30], &[0..40]), [] as [Range<u32>; 0]);
    }
}
