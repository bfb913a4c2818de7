//! What the descriptor and register tables show of the selected vCPU: one row per field, one cell per path.

use crate::words;
use apic_core::host::TimerId;
use apic_core::kvm::{Request, Requests};
use apic_core::lapic::{KvmTimer, TimerMode, VirtualApic};
use apic_core::machine::Machine;
use apic_core::units::{Ns, VcpuId};
use apic_core::vmx::PiDesc;
use yew::AttrValue;

/// One field of a vCPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name, as the kernel or the manual spells it, and as the glossary has it.
    pub(crate) name: &'static str,
    read: fn(&Machine, VcpuId) -> String,
    /// Whether the value is worth an accent: something is set, waiting or in service.
    lit: fn(&str) -> bool,
    /// It moves with time alone, so that it is no news that it moved.
    counts: bool,
}

/// Fields that belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// What they are of; empty where the table says it.
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [Field],
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
    pub(crate) cells: Vec<Cell>,
}

/// A group's fields on every path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rows {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// The machines of a path before and after its last step.
pub(crate) type Change<'a> = (&'a Machine, &'a Machine);

/// Rows of a table.
pub(crate) fn rows(groups: &[Group], vcpu: VcpuId, paths: &[Change]) -> Vec<Rows> {
    let cell = |field: &Field, (before, after): &Change| {
        let value = (field.read)(after, vcpu);
        let was = (!field.counts).then(|| (field.read)(before, vcpu)).filter(|was| *was != value);
        Cell { lit: (field.lit)(&value), value, was }
    };
    let row = |f: &Field| Row { name: f.name, cells: paths.iter().map(|p| cell(f, p)).collect() };
    groups.iter().map(|g| Rows { title: g.title, rows: g.fields.iter().map(row).collect() }).collect()
}

macro_rules! field {
    ($name:literal, $lit:expr, |$m:ident, $v:ident| $read:expr) => {
        Field { name: $name, lit: $lit, read: |$m, $v| $read, counts: false }
    };
}

fn bit(flag: bool) -> String {
    if flag { "1" } else { "0" }.to_owned()
}

const NEVER_LIT: fn(&str) -> bool = |_| false;
const NOT_EMPTY: fn(&str) -> bool = |value| !matches!(value, "{}" | NONE);
const NOT_ZERO: fn(&str) -> bool = |value| !matches!(value, "0" | "0x00" | NONE);

/// There is no such thing on this path.
const NONE: &str = "–";

/// Of the descriptor, where there is one: without APICv nothing is posted.
fn posted(m: &Machine, v: VcpuId, read: fn(&PiDesc) -> String) -> String {
    if m.config().apicv { read(m.vcpus()[v.index()].pi()) } else { NONE.to_owned() }
}

fn vapic(m: &Machine, v: VcpuId) -> &VirtualApic {
    m.vcpus()[v.index()].vapic()
}

fn timer(m: &Machine, v: VcpuId) -> &KvmTimer {
    m.vcpus()[v.index()].timer()
}

const VIRR: Field = field!("VIRR", NOT_EMPTY, |m, v| words::set(vapic(m, v).virr()));
const VISR: Field = field!("VISR", NOT_EMPTY, |m, v| words::set(vapic(m, v).visr()));
const VTPR: Field = field!("VTPR", NOT_ZERO, |m, v| words::byte(vapic(m, v).vtpr()));
const VPPR: Field = field!("VPPR", NOT_ZERO, |m, v| words::byte(vapic(m, v).vppr()));

/// The posted-interrupt descriptor, then what the processor keeps for the guest.
pub(crate) const DESCRIPTOR: &[Group] = &[
    Group {
        title: "",
        fields: &[
            field!("PIR", NOT_EMPTY, |m, v| posted(m, v, |pi| words::set(pi.pir()))),
            field!("ON", NOT_ZERO, |m, v| posted(m, v, |pi| bit(pi.on()))),
            field!("SN", NOT_ZERO, |m, v| posted(m, v, |pi| bit(pi.sn()))),
            field!("NV", NEVER_LIT, |m, v| posted(m, v, |pi| pi.nv().to_string())),
            field!("NDST", NEVER_LIT, |m, v| posted(m, v, |pi| format!("core {}", pi.ndst()))),
        ],
    },
    Group {
        title: "Virtual APIC and guest interrupt status",
        fields: &[
            VIRR,
            VISR,
            VTPR,
            VPPR,
            field!("RVI", NOT_ZERO, |m, v| words::byte(vapic(m, v).rvi())),
            field!("SVI", NOT_ZERO, |m, v| words::byte(vapic(m, v).svi())),
        ],
    },
];

/// The same of AMD's AVIC, which has no descriptor.
pub(crate) const AVIC: &[Group] = &[
    Group {
        title: "Entry in the physical APIC ID table",
        fields: &[
            field!("IsRunning", NEVER_LIT, |m, v| bit(m.vcpus()[v.index()].is_running())),
            field!("host APIC ID", NEVER_LIT, |m, v| format!("core {}", m.vcpus()[v.index()].cpu())),
        ],
    },
    Group {
        title: "Backing page",
        fields: &[
            Field { name: "IRR", ..VIRR },
            Field { name: "ISR", ..VISR },
            Field { name: "TPR", ..VTPR },
            Field { name: "PPR", ..VPPR },
        ],
    },
];

/// KVM's side: the vCPU and its emulated timer.
pub(crate) const TIMER: &[Group] = &[
    Group {
        title: "",
        fields: &[
            field!("vcpu->mode", NEVER_LIT, |m, v| m.vcpus()[v.index()].mode().name().to_owned()),
            field!("requests", NOT_ZERO, |m, v| requests(m.vcpus()[v.index()].requests())),
        ],
    },
    Group {
        title: "Local APIC timer, as the guest sees it",
        fields: &[
            field!("LVTT", NEVER_LIT, |m, v| {
                let lvtt = m.vcpus()[v.index()].lvtt();
                let masked = if lvtt.masked() { "masked, " } else { "" };
                format!("{:#x}: {}, {masked}{}", lvtt.register(), lvtt.mode().name(), lvtt.vector())
            }),
            field!("IA32_TSC_DEADLINE", NOT_ZERO, |m, v| {
                // In the other modes KVM keeps the count's end there, and the guest reads 0.
                let timer = timer(m, v);
                let read = timer.mode == TimerMode::TscDeadline;
                words::grouped(if read { timer.tscdeadline.as_cycles() } else { 0 })
            }),
            field!("TMICT", NOT_ZERO, |m, v| words::grouped(u64::from(m.vcpus()[v.index()].initial_count()))),
            Field {
                name: "TMCCT",
                lit: NEVER_LIT,
                read: |m, v| words::grouped(u64::from(m.current_count(v).unwrap_or_default())),
                counts: true,
            },
            field!("TDCR", NEVER_LIT, |m, _v| {
                let tdcr = m.config().tdcr();
                format!("{:#x}: ÷ {}", tdcr.register(), tdcr.divisor().factor())
            }),
        ],
    },
    Group {
        title: "KVM’s timer",
        fields: &[
            field!("pending", NOT_ZERO, |m, v| bit(timer(m, v).pending)),
            field!("expired_tscdeadline", NOT_ZERO, |m, v| {
                words::grouped(timer(m, v).expired_tscdeadline.as_cycles())
            }),
            field!("target_expiration", NOT_ZERO, |m, v| match timer(m, v).target_expiration {
                Ns::ZERO => "0".to_owned(),
                at => format!("{} µs", words::micros(at)),
            }),
            field!("timer_advance_ns", NEVER_LIT, |m, v| {
                format!("{} ns", words::grouped(u64::from(timer(m, v).timer_advance_ns)))
            }),
            field!("hv_timer_in_use", NOT_ZERO, |m, v| bit(timer(m, v).hv_timer_in_use)),
            field!("hrtimer", |value| value != NONE, |m, v| match m.timer_queued(v) {
                Some((cpu, at)) => format!("core {cpu}, {} µs", words::micros(at)),
                None => running(m, v),
            }),
        ],
    },
];

/// "0"; "UNBLOCK, EVENT"; a bit without a name as a number.
fn requests(requests: Requests) -> String {
    const NAMES: [(Request, &str); 3] =
        [(Request::Unblock, "UNBLOCK"), (Request::MigrateTimer, "MIGRATE_TIMER"), (Request::Event, "EVENT")];
    let named: Vec<&str> = NAMES.iter().filter(|(r, _)| requests.has(*r)).map(|(_, name)| *name).collect();
    let rest = NAMES.iter().fold(requests.bits(), |bits, (r, _)| bits & !r.mask());
    match (named.is_empty(), rest) {
        (true, 0) => "0".to_owned(),
        (_, 0) => named.join(", "),
        _ => format!("{:#x}", requests.bits()),
    }
}

fn running(m: &Machine, v: VcpuId) -> String {
    let here = m.cpus().iter().position(|c| c.base().running() == Some(TimerId::Lapic(v)));
    here.map_or_else(|| NONE.to_owned(), |cpu| format!("core {cpu}, runs"))
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
        let row = all.iter().flatten().flat_map(|g| &g.rows).find(|r| r.name == name).expect("a field");
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
        let rows = rows.iter().flat_map(|g| &g.rows);
        let changed: Vec<_> = rows.filter(|r| r.cells[0].was.is_some()).map(|r| r.name).collect();
        assert_eq!(changed, ["ON"]);
    }

    /// A field's value on a path of a preset, at its end.
    #[track_caller]
    fn reads(preset_name: &str, path: PathKind, groups: &[Group], name: &str, value: &str) {
        let mut history = History::new(&preset(preset_name).expect("ships"), path);
        history.seek(history.len());
        let machine = history.machine();
        let all = rows(groups, VcpuId(0), &[(machine, machine)]);
        let row = all.iter().flat_map(|g| &g.rows).find(|r| r.name == name).expect("a field");
        assert_eq!(row.cells[0].value, value, "{name}");
    }

    #[test]
    fn registers_are_decoded() {
        let first = "pinned-vs-offloaded";
        reads(first, PathKind::Posted, TIMER, "LVTT", "0x400ec: TSC-deadline, 0xec");
        reads(first, PathKind::Posted, TIMER, "TMICT", "0");
        reads(first, PathKind::Posted, TIMER, "TMCCT", "0");
        reads(first, PathKind::Posted, TIMER, "TDCR", "0xb: ÷ 1");
        let old = "userspace-irqchip";
        reads(old, PathKind::Userspace, TIMER, "LVTT", "0xec: one-shot, 0xec");
        reads(old, PathKind::Userspace, TIMER, "IA32_TSC_DEADLINE", "0");
        reads(old, PathKind::Userspace, DESCRIPTOR, "PIR", "–");
        reads("amd-avic", PathKind::Avic, AVIC, "IsRunning", "1");
        reads("amd-avic", PathKind::Avic, AVIC, "host APIC ID", "core 3");
    }

    #[test]
    fn requests_have_names() {
        for (made, words) in [
            (&[][..], "0"),
            (&[Request::Unblock], "UNBLOCK"),
            (&[Request::Event, Request::Unblock], "UNBLOCK, EVENT"),
            (&[Request::MigrateTimer], "MIGRATE_TIMER"),
        ] {
            let mut all = Requests::default();
            for request in made {
                all.make(*request);
            }
            assert_eq!(requests(all), words);
        }
    }

    #[test]
    fn the_data_attributes_say_the_same() {
        let (_, after) = around(Rule::C8b);
        let data = Data::of("posted".into(), &after, VcpuId(0));
        assert_eq!((data.pir.as_str(), data.on, data.nv.as_str()), ("0xec", true, "0xf2"));
    }
}
