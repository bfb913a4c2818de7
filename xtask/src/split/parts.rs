//! Two modules of one: what is needed later is taken out of the first, and the second takes the rest from it.

use super::program::Later;
use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use walrus::ir::{Value, Visitor, dfs_in_order};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind, GlobalId,
    GlobalKind, ImportId, ImportedFunction, LocalFunction, LocalId, Module, ModuleConfig, TableId,
};

/// What the second part takes its imports from: `static/loader.js` hands it the first part's exports by this name.
const FIRST: &str = "first";

pub(super) struct Parts {
    pub(super) first: Vec<u8>,
    pub(super) second: Vec<u8>,
}

/// Splits the module that wasm-bindgen made.
pub(super) fn parts(wasm: &[u8], later: &Later, border: &str) -> Result<Parts, Error> {
    let cut = Cut::new(&read(wasm)?, later, border)?;
    // Both parts carry it, so that parts of two builds refuse each other.
    let mark = format!("of {:016x}", crate::dist::hash(wasm));
    Ok(Parts { first: cut.first(read(wasm)?, later, &mark)?, second: cut.second(read(wasm)?, later, &mark)? })
}

fn read(wasm: &[u8]) -> Result<Module, Error> {
    let mut module = ModuleConfig::new().generate_producers_section(false).parse(wasm).map_err(|e| told(&e))?;
    // What the linker left for us, and addresses that no longer hold.
    for name in ["linking", "reloc.CODE", "reloc.DATA", "reloc..debug_info"] {
        module.customs.remove_raw(name);
    }
    Ok(module)
}

/// Who is where. Functions, tables and globals by their place in the module, which is the same each time it is read.
struct Cut {
    moved: BTreeSet<usize>,
    /// Of the first part, used by the second.
    lent: BTreeSet<usize>,
    globals: BTreeSet<usize>,
    /// The table of functions, and how long it is now.
    table: usize,
    size: u64,
    /// Places in it.
    slots: BTreeMap<u64, usize>,
    /// Functions of the second part that the first calls, or JavaScript, and their places in the table.
    called: BTreeMap<usize, u64>,
}

/// What a function uses.
#[derive(Default)]
struct Uses {
    functions: Vec<FunctionId>,
    globals: Vec<GlobalId>,
}

impl Visitor<'_> for Uses {
    fn visit_function_id(&mut self, function: &FunctionId) {
        self.functions.push(*function);
    }

    fn visit_global_id(&mut self, global: &GlobalId) {
        self.globals.push(*global);
    }
}

fn uses(function: &LocalFunction) -> Uses {
    let mut uses = Uses::default();
    dfs_in_order(&mut uses, function, function.entry_block());
    uses
}

impl Cut {
    fn new(module: &Module, later: &Later, border: &str) -> Result<Self, Error> {
        let name = |f: FunctionId| module.funcs.get(f).name.clone().unwrap_or_default();
        let moved: BTreeSet<usize> = module
            .funcs
            .iter_local()
            .map(|(id, _)| id)
            .filter(|id| later.functions.contains(&name(*id)))
            .map(|id| id.index())
            .collect();
        let (mut lent, mut globals, mut crossing) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (id, function) in module.funcs.iter_local() {
            let uses = uses(function);
            let across = uses.functions.iter().filter(|to| moved.contains(&to.index()) != moved.contains(&id.index()));
            if moved.contains(&id.index()) {
                lent.extend(across.map(FunctionId::index));
                globals.extend(uses.globals.iter().map(GlobalId::index));
                continue;
            }
            for to in across {
                if !name(*to).contains(border) {
                    return Err(unexpected(format!("{} calls {}, which is behind the border", name(id), name(*to))));
                }
                crossing.insert(to.index());
            }
        }
        for export in module.exports.iter() {
            if let ExportItem::Function(f) = export.item
                && moved.contains(&f.index())
            {
                crossing.insert(f.index());
            }
        }
        let (table, slots) = table(module)?;
        let mut size = module.tables.get(table).initial;
        let mut called = BTreeMap::new();
        for function in crossing {
            let slot = slots.iter().find(|(_, f)| **f == function).map(|(slot, _)| *slot);
            called.insert(function, slot.unwrap_or(size));
            size += u64::from(slot.is_none());
        }
        Ok(Self { moved, lent, globals, table: table.index(), size, slots, called })
    }

    /// The module without what is moved. A call across the border goes through the table, which the second part fills.
    fn first(&self, mut module: Module, later: &Later, mark: &str) -> Result<Vec<u8>, Error> {
        let functions: BTreeMap<usize, FunctionId> = module.funcs.iter().map(|f| (f.id().index(), f.id())).collect();
        let table = self.grown(&mut module)?;
        for (function, slot) in &self.called {
            let id = functions[function];
            let ty = module.funcs.get(id).ty();
            let (params, results) = (module.types.params(ty).to_vec(), module.types.results(ty).to_vec());
            let args: Vec<LocalId> = params.iter().map(|param| module.locals.add(*param)).collect();
            let mut call = FunctionBuilder::new(&mut module.types, &params, &results);
            for arg in &args {
                call.func_body().local_get(*arg);
            }
            call.func_body().i32_const(*slot as i32).call_indirect(ty, table);
            module.funcs.get_mut(id).kind = FunctionKind::Local(call.local_func(args));
        }
        let mut absent = FunctionBuilder::new(&mut module.types, &[], &[]);
        absent.func_body().unreachable();
        let absent = absent.finish(Vec::new(), &mut module.funcs);
        for element in module.elements.iter_mut() {
            if let ElementItems::Functions(items) = &mut element.items {
                items.iter_mut().filter(|f| self.moved.contains(&f.index())).for_each(|f| *f = absent);
            }
        }
        let data: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
        for id in data {
            let data = module.data.get_mut(id);
            let base = address(&data.kind)?;
            for place in &later.places {
                if let Some(bytes) = data.value.get_mut(within(place, base)) {
                    bytes.fill(0);
                }
            }
        }
        for function in &self.lent {
            module.exports.add(&short("f", *function), functions[function]);
        }
        for global in module.globals.iter().filter(|g| self.globals.contains(&g.id().index())) {
            module.exports.add(&short("g", global.id().index()), global.id());
        }
        module.exports.add("t", table);
        module.exports.add(mark, memory(&module)?);
        walrus::passes::gc::run(&mut module);
        Ok(module.emit_wasm())
    }

    /// What is moved, with everything else of the module taken from the first part.
    fn second(&self, mut module: Module, later: &Later, mark: &str) -> Result<Vec<u8>, Error> {
        let functions: BTreeMap<usize, FunctionId> = module.funcs.iter().map(|f| (f.id().index(), f.id())).collect();
        let exports: Vec<_> = module.exports.iter().map(walrus::Export::id).collect();
        for id in exports {
            module.exports.delete(id);
        }
        module.start = None;
        for function in &self.lent {
            let (id, name) = (functions[function], short("f", *function));
            if let FunctionKind::Import(there) = &module.funcs.get(id).kind {
                let import = there.import;
                let import = module.imports.get_mut(import);
                (import.module, import.name) = (FIRST.to_owned(), name);
            } else {
                let import = module.imports.add(FIRST, &name, id);
                let function = module.funcs.get_mut(id);
                function.kind = FunctionKind::Import(ImportedFunction { import, ty: function.ty() });
            }
        }
        let globals: Vec<GlobalId> = module.globals.iter().map(walrus::Global::id).collect();
        for id in globals.into_iter().filter(|id| self.globals.contains(&id.index())) {
            let import = module.imports.add(FIRST, &short("g", id.index()), id);
            module.globals.get_mut(id).kind = GlobalKind::Import(import);
        }
        Self::second_memory(&mut module, later, mark)?;
        self.second_table(&mut module, &functions)?;
        walrus::passes::gc::run(&mut module);
        Ok(module.emit_wasm())
    }

    fn second_memory(module: &mut Module, later: &Later, mark: &str) -> Result<(), Error> {
        let memory = memory(module)?;
        let whole: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
        let mut moved = Vec::new();
        for id in whole {
            let data = module.data.get(id);
            let base = address(&data.kind)?;
            let bytes = |place: &Range<u32>| Some((place.start, data.value.get(within(place, base))?.to_vec()));
            moved.extend(later.places.iter().filter_map(bytes).filter(|(_, bytes)| bytes.iter().any(|b| *b != 0)));
            module.data.delete(id);
        }
        let import: ImportId = module.imports.add(FIRST, mark, memory);
        let there = module.memories.get_mut(memory);
        there.import = Some(import);
        there.data_segments.clear();
        for (start, bytes) in moved {
            let kind = DataKind::Active { memory, offset: constant(start) };
            let id = module.data.add(kind, bytes);
            module.memories.get_mut(memory).data_segments.insert(id);
        }
        Ok(())
    }

    fn second_table(&self, module: &mut Module, functions: &BTreeMap<usize, FunctionId>) -> Result<(), Error> {
        let table = self.grown(module)?;
        let whole: Vec<_> = module.elements.iter().map(walrus::Element::id).collect();
        for id in whole {
            module.elements.delete(id);
        }
        let import = module.imports.add(FIRST, "t", table);
        let there = module.tables.get_mut(table);
        there.import = Some(import);
        there.elem_segments.clear();
        let own = self.slots.iter().filter(|(_, function)| self.moved.contains(function));
        let all: BTreeMap<u64, usize> =
            own.map(|(slot, f)| (*slot, *f)).chain(self.called.iter().map(|(f, slot)| (*slot, *f))).collect();
        let mut runs: Vec<(u64, Vec<FunctionId>)> = Vec::new();
        for (slot, function) in all {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as u64 == slot => run.push(functions[&function]),
                _ => runs.push((slot, vec![functions[&function]])),
            }
        }
        for (start, run) in runs {
            let kind = ElementKind::Active { table, offset: constant(start as u32) };
            let id = module.elements.add(kind, ElementItems::Functions(run));
            module.tables.get_mut(table).elem_segments.insert(id);
        }
        Ok(())
    }

    /// The table of functions with room for those that are called across the border.
    fn grown(&self, module: &mut Module) -> Result<TableId, Error> {
        let id = module.tables.iter().map(walrus::Table::id).find(|id| id.index() == self.table);
        let id = id.ok_or_else(|| unexpected("it has no table of functions".to_owned()))?;
        let table = module.tables.get_mut(id);
        table.initial = self.size;
        table.maximum = table.maximum.map(|most| most.max(self.size));
        Ok(id)
    }
}

/// The table that functions are called through, and what is in its places.
fn table(module: &Module) -> Result<(TableId, BTreeMap<u64, usize>), Error> {
    let mut found = None;
    let mut slots = BTreeMap::new();
    for element in module.elements.iter() {
        let (ElementKind::Active { table, offset }, ElementItems::Functions(items)) = (&element.kind, &element.items)
        else {
            return Err(unexpected("it has elements of a kind that is not expected".to_owned()));
        };
        if found.is_some_and(|other| other != *table) {
            return Err(unexpected("it has two tables of functions".to_owned()));
        }
        found = Some(*table);
        let base = u64::from(number(offset)?);
        slots.extend(items.iter().enumerate().map(|(i, f)| (base + i as u64, f.index())));
    }
    Ok((found.ok_or_else(|| unexpected("it has no table of functions".to_owned()))?, slots))
}

fn memory(module: &Module) -> Result<walrus::MemoryId, Error> {
    module.memories.iter().next().map(walrus::Memory::id).ok_or_else(|| unexpected("it has no memory".to_owned()))
}

/// Where a place is in what begins at `base`; nowhere if it begins before.
fn within(place: &Range<u32>, base: u32) -> Range<usize> {
    match place.start.checked_sub(base) {
        Some(start) => start as usize..(place.end - base) as usize,
        None => usize::MAX..usize::MAX,
    }
}

fn address(kind: &DataKind) -> Result<u32, Error> {
    match kind {
        DataKind::Active { offset, .. } => number(offset),
        DataKind::Passive => Err(unexpected("it has constants without a place".to_owned())),
    }
}

fn number(constant: &ConstExpr) -> Result<u32, Error> {
    match constant {
        ConstExpr::Value(Value::I32(number)) => Ok(number.cast_unsigned()),
        _ => Err(unexpected("a place in it is not a number".to_owned())),
    }
}

fn constant(number: u32) -> ConstExpr {
    ConstExpr::Value(Value::I32(number.cast_signed()))
}

/// The name of something that is lent.
fn short(kind: &str, index: usize) -> String {
    let mut name = kind.to_owned();
    let _written = write!(name, "{index:x}");
    name
}

fn unexpected(detail: String) -> Error {
    Error::Unexpected { what: "the page's program".into(), detail }
}

fn told(error: &impl ToString) -> Error {
    unexpected(error.to_string())
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "ranges are what is told apart")]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use walrus::ValType;

    /// `start` calls the border, which adds what `hidden` gives to what `helper` gives; a constant of each.
    fn whole() -> Vec<u8> {
        let mut module = Module::with_config(ModuleConfig::new());
        let memory = module.memories.add_local(false, false, 1, None, None);
        let table = module.tables.add_local(false, 3, Some(3), walrus::RefType::FUNCREF);
        let made = |module: &mut Module, name: &str, calls: &[FunctionId]| {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            function.name(name.to_owned());
            function.func_body().i32_const(1);
            for call in calls {
                function.func_body().call(*call).binop(walrus::ir::BinaryOp::I32Add);
            }
            function.finish(Vec::new(), &mut module.funcs)
        };
        let helper = made(&mut module, "helper", &[]);
        let hidden = made(&mut module, "hidden", &[helper]);
        let border = made(&mut module, "the_5later6behind_of", &[hidden, helper]);
        let start = made(&mut module, "start", &[border, helper]);
        module.exports.add("start", start);
        module.exports.add("memory", memory);
        let kind = ElementKind::Active { table, offset: constant(1) };
        let element = module.elements.add(kind, ElementItems::Functions(vec![helper, hidden]));
        module.tables.get_mut(table).elem_segments.insert(element);
        let kind = DataKind::Active { memory, offset: constant(100) };
        let data = module.data.add(kind, (1..=40).collect());
        module.memories.get_mut(memory).data_segments.insert(data);
        module.emit_wasm()
    }

    fn later(functions: &[&str]) -> Later {
        let functions: HashSet<String> = functions.iter().map(|name| (*name).to_owned()).collect();
        Later { functions, places: vec![110..130] }
    }

    #[test]
    fn the_second_part_takes_from_the_first_what_it_lends() {
        let wasm = whole();
        let parts = parts(&wasm, &later(&["the_5later6behind_of", "hidden"]), "5later6behind").expect("it splits");
        let (first, second) = (read(&parts.first).expect("a module"), read(&parts.second).expect("a module"));
        let lends: HashSet<&str> = first.exports.iter().map(|export| export.name.as_str()).collect();
        for import in second.imports.iter() {
            assert!(import.module == FIRST && lends.contains(import.name.as_str()), "{import:?}");
        }
        let names = |module: &Module| -> Vec<String> {
            let mut all: Vec<_> =
                module.funcs.iter_local().filter_map(|(id, _)| module.funcs.get(id).name.clone()).collect();
            all.sort();
            all
        };
        assert_eq!(names(&second), ["hidden", "the_5later6behind_of"]);
        assert!(names(&first).iter().all(|name| name != "hidden"));
        // The function at the border has a place of its own, behind the table that was.
        let (table, slots) = table(&second).expect("a table");
        assert_eq!((second.tables.get(table).initial, slots.into_keys().collect()), (4, vec![2, 3]));
        let bytes = |module: &Module| module.data.iter().map(|data| data.value.clone()).collect::<Vec<_>>();
        assert_eq!(bytes(&second), [(11..=30).collect::<Vec<u8>>()]);
        assert_eq!(bytes(&first)[0][9..31], [&[10][..], &[0; 20], &[31]].concat());
    }

    #[test]
    fn a_call_past_the_border_is_told() {
        let Err(Error::Unexpected { detail, .. }) = parts(&whole(), &later(&["helper"]), "5later6behind") else {
            panic!("it is one")
        };
        assert!(detail.contains("calls helper, which is behind the border"), "{detail}");
    }

    #[test]
    fn parts_of_two_builds_refuse_each_other() {
        let mark = |wasm: &[u8]| {
            let parts = parts(wasm, &later(&["the_5later6behind_of", "hidden"]), "5later6behind").expect("it splits");
            let imports = read(&parts.second).expect("a module").imports;
            imports.iter().find(|i| i.name.starts_with("of ")).expect("a mark").name.clone()
        };
        let mut other = read(&whole()).expect("a module");
        other.exports.remove("memory").expect("it is there");
        assert_eq!(mark(&whole()), mark(&whole()));
        assert_ne!(mark(&whole()), mark(&other.emit_wasm()));
    }
}
