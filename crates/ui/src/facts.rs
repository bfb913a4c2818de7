//! What the descriptor and register tables show of the selected vCPU: one row per field, one cell per path.

use crate::words;
use apic_core::host::TimerId;
use apic_core::machine::Machine;
use apic_core::units::VcpuId;
use yew::AttrValue;

/// One field of a vCPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name, as the kernel or the manual spells it.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) what: &'static str,
    read: fn(&Machine, VcpuId) -> String,
    /// Whether the value is worth an accent: something is set, waiting or in service.
    lit: fn(&str) -> bool,
}

/// A field's value on one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) value: String,
    pub(crate) lit: bool,
    /// What it was, if the last step changed it.
    pub(crate) was: Option<String>,
}

/// A field on every path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) cells: Vec<Cell>,
}

/// The machines of a path before and after its last step.
pub(crate) type Change<'a> = (&'a Machine, &'a Machine);

/// Rows of a table.
pub(crate) fn rows(fields: &[Field], vcpu: VcpuId, paths: &[Change]) -> Vec<Row> {
    let cell = |field: &Field, (before, after): &Change| {
        let value = (field.read)(after, vcpu);
        let was = Some((field.read)(before, vcpu)).filter(|was| *was != value);
        Cell { lit: (field.lit)(&value), value, was }
    };
    let row = |f: &Field| Row { name: f.name, what: f.what, cells: paths.iter().map(|p| cell(f, p)).collect() };
    fields.iter().map(row).collect()
}

macro_rules! field {
    ($name:literal, $what:literal, $lit:expr, |$m:ident, $v:ident| $read:expr) => {
        Field { name: $name, what: $what, lit: $lit, read: |$m, $v| $read }
    };
}

fn bit(flag: bool) -> String {
    if flag { "1" } else { "0" }.to_owned()
}

const NEVER_LIT: fn(&str) -> bool = |_| false;
const NOT_EMPTY: fn(&str) -> bool = |value| value != "{}";
const NOT_ZERO: fn(&str) -> bool = |value| !matches!(value, "0" | "0x00");

/// The posted-interrupt descriptor, then what the processor keeps for the guest.
pub(crate) const DESCRIPTOR: &[Field] = &[
    field!("PIR", "posted-interrupt requests: one bit per vector", NOT_EMPTY, |m, v| words::set(
        m.vcpus()[v.index()].pi().pir()
    )),
    field!("ON", "outstanding notification: somebody has sent one, or will", NOT_ZERO, |m, v| bit(m.vcpus()
        [v.index()]
    .pi()
    .on())),
    field!("SN", "suppress notification, for hardware that posts", NOT_ZERO, |m, v| bit(m.vcpus()[v.index()]
        .pi()
        .sn())),
    field!("NV", "notification vector, for hardware that posts", NEVER_LIT, |m, v| m.vcpus()[v.index()]
        .pi()
        .nv()
        .to_string()),
    field!("NDST", "notification destination, for hardware that posts", NEVER_LIT, |m, v| format!(
        "core {}",
        m.vcpus()[v.index()].pi().ndst()
    )),
    field!("VIRR", "virtual interrupt-request register: waiting for the guest", NOT_EMPTY, |m, v| words::set(
        m.vcpus()[v.index()].vapic().virr()
    )),
    field!("VISR", "virtual in-service register: the guest's handler runs", NOT_EMPTY, |m, v| words::set(
        m.vcpus()[v.index()].vapic().visr()
    )),
    field!("RVI", "requesting virtual interrupt: the highest vector in VIRR", NOT_ZERO, |m, v| words::byte(
        m.vcpus()[v.index()].vapic().rvi()
    )),
    field!("SVI", "servicing virtual interrupt: the highest vector in VISR", NOT_ZERO, |m, v| words::byte(
        m.vcpus()[v.index()].vapic().svi()
    )),
    field!("VPPR", "virtual processor priority: its class must be exceeded", NOT_ZERO, |m, v| words::byte(
        m.vcpus()[v.index()].vapic().vppr()
    )),
];

/// Fields of [`DESCRIPTOR`] that belong to the descriptor itself; the rest is the processor's.
pub(crate) const IN_DESCRIPTOR: usize = 5;

/// KVM's side: the vCPU and its emulated timer.
pub(crate) const TIMER: &[Field] = &[
    field!("vcpu->mode", "what KVM believes the vCPU does", NEVER_LIT, |m, v| m.vcpus()[v.index()]
        .mode()
        .name()
        .to_owned()),
    field!("requests", "KVM_REQ_UNBLOCK is bit 2", NOT_ZERO, |m, v| {
        match m.vcpus()[v.index()].requests().bits() {
            0 => "0".to_owned(),
            4 => "UNBLOCK".to_owned(),
            bits => format!("{bits:#x}"),
        }
    }),
    field!("LVTT", "local vector table, timer: mode, mask, vector", NEVER_LIT, |m, v| {
        let lvtt = m.vcpus()[v.index()].lvtt();
        format!("deadline, {}{}", lvtt.vector(), if lvtt.masked() { ", masked" } else { "" })
    }),
    field!("TSC_DEADLINE", "IA32_TSC_DEADLINE, in guest TSC cycles; 0 is disarmed", NOT_ZERO, |m, v| {
        words::grouped(m.vcpus()[v.index()].timer().tscdeadline.as_cycles())
    }),
    field!("expired_tscdeadline", "a deadline that is still owed a busy-wait; 0 is none", NOT_ZERO, |m, v| {
        words::grouped(m.vcpus()[v.index()].timer().expired_tscdeadline.as_cycles())
    }),
    field!("pending", "an expiry waits for the vCPU thread", NOT_ZERO, |m, v| bit(m.vcpus()[v.index()]
        .timer()
        .pending)),
    field!("timer_advance_ns", "how early the hrtimer is programmed", NEVER_LIT, |m, v| {
        format!("{} ns", words::grouped(u64::from(m.vcpus()[v.index()].timer().timer_advance_ns)))
    }),
    field!("hrtimer", "whose queue holds it, and for when (µs)", |value| value != "–", |m, v| {
        match m.timer_queued(v) {
            Some((cpu, at)) => format!("core {cpu}, {}", words::micros(at)),
            None => running(m, v),
        }
    }),
];

fn running(m: &Machine, v: VcpuId) -> String {
    let here = m.cpus().iter().position(|c| c.base().running() == Some(TimerId::Lapic(v)));
    here.map_or_else(|| "–".to_owned(), |cpu| format!("core {cpu}, runs"))
}

/// The descriptor of one path as data attributes, for scripts and tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Data {
    pub(crate) path: AttrValue,
    pub(crate) pir: String,
    pub(crate) on: bool,
    pub(crate) sn: bool,
    pub(crate) nv: String,
    pub(crate) ndst: String,
    pub(crate) virr: String,
    pub(crate) visr: String,
    pub(crate) rvi: String,
    pub(crate) svi: String,
    pub(crate) vppr: String,
}

impl Data {
    pub(crate) fn of(path: AttrValue, machine: &Machine, vcpu: VcpuId) -> Self {
        let v = &machine.vcpus()[vcpu.index()];
        let (pi, vapic) = (v.pi(), v.vapic());
        Self {
            path,
            pir: words::set_attribute(pi.pir()),
            on: pi.on(),
            sn: pi.sn(),
            nv: pi.nv().to_string(),
            ndst: pi.ndst().to_string(),
            virr: words::set_attribute(vapic.virr()),
            visr: words::set_attribute(vapic.visr()),
            rvi: words::byte(vapic.rvi()),
            svi: words::byte(vapic.svi()),
            vppr: words::byte(vapic.vppr()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::rule::Rule;
    use apic_core::run::History;
    use apic_core::scenario::{PathKind, preset};

    /// The posted path of the first preset, just after the first step of a rule; and just before it.
    fn around(rule: Rule) -> (Machine, Machine) {
        let history = History::new(&preset("pinned-vs-offloaded").expect("ships"), PathKind::Posted);
        let at = history.metas().iter().position(|m| m.rule == rule).expect("happens");
        (history.machine_at(at), history.machine_at(at + 1))
    }

    #[track_caller]
    fn check(rule: Rule, name: &str, value: &str) {
        let (before, after) = around(rule);
        let all = [rows(DESCRIPTOR, VcpuId(0), &[(&before, &after)]), rows(TIMER, VcpuId(0), &[(&before, &after)])];
        let row = all.iter().flatten().find(|r| r.name == name).expect("a field");
        assert_eq!((row.cells[0].value.as_str(), row.cells[0].was.is_some()), (value, true));
    }

    #[test]
    fn each_step_marks_what_it_changed() {
        check(Rule::C8, "PIR", "{0xec}");
        check(Rule::C8b, "ON", "1");
        check(Rule::C12b, "ON", "0");
        check(Rule::C12c, "PIR", "{}");
        check(Rule::C12c, "VIRR", "{0xec}");
        check(Rule::C13, "VISR", "{0xec}");
        check(Rule::C13, "VPPR", "0xe0");
    }

    #[test]
    fn nothing_else_is_marked() {
        let (before, after) = around(Rule::C8b);
        let rows = rows(DESCRIPTOR, VcpuId(0), &[(&before, &after)]);
        let changed: Vec<_> = rows.iter().filter(|r| r.cells[0].was.is_some()).map(|r| r.name).collect();
        assert_eq!(changed, ["ON"]);
    }

    #[test]
    fn the_data_attributes_say_the_same() {
        let (_, after) = around(Rule::C8b);
        let data = Data::of("posted".into(), &after, VcpuId(0));
        assert_eq!((data.pir.as_str(), data.on, data.nv.as_str()), ("0xec", true, "0xf2"));
    }
}
