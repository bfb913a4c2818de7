//! The posted-interrupt descriptor and the virtual APIC of the selected vCPU: both paths side by side, and one bank of
//! one path as a grid.

use super::part::{Draw, Send};
use super::raw::Raw;
use super::registers;
use crate::app::Msg;
use crate::facts::{Data, IN_DESCRIPTOR, Row};
use crate::keys::Command;
use crate::names::Name;
use apic_core::effect::Bank;
use std::rc::Rc;
use yew::prelude::*;

/// What is shown.
#[derive(PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) vcpu: u16,
    pub(crate) vcpus: u16,
    pub(crate) paths: Rc<[Name]>,
    pub(crate) rows: Rc<[Row]>,
    pub(crate) data: Rc<[Data]>,
    pub(crate) grid: AttrValue,
    /// Which path's grid, by its place in `paths`.
    pub(crate) grid_path: usize,
    pub(crate) bank: Bank,
    pub(crate) send: Send,
}

impl Draw for Descriptor {
    fn draw(&self) -> Html {
        let props = self;
        let (descriptor, apic) = props.rows.split_at(IN_DESCRIPTOR.min(props.rows.len()));
        html! {
            <section class="card" aria-labelledby="pi-title">
                <div class="panel-head">
                    <h2 id="pi-title" class="panel">{ "Posted-interrupt descriptor, vCPU " }{ props.vcpu }</h2>
                    <div>{ chooser(props) }</div>
                </div>
                <table class="fields">
                    <thead><tr><td></td>{ for props.paths.iter().zip(props.data.iter()).map(head) }</tr></thead>
                    { registers::rows(&props.paths, descriptor) }
                    <tbody class="gap"><tr><th colspan={(props.paths.len() + 1).to_string()} scope="colgroup">{ "Virtual APIC and guest interrupt status" }</th></tr></tbody>
                    { registers::rows(&props.paths, apic) }
                </table>
                <div class="grid-head">
                    { segments("grid-bank", "Which set", &BANKS.map(|(_, name)| name), BANKS.iter().position(|(b, _)| *b == props.bank),
                        &props.send.reform(|i: usize| Msg::Bank(BANKS[i.min(2)].0))) }
                    { segments("grid-path", "Which path", &props.paths.iter().map(|p| p.short.as_str()).collect::<Vec<_>>(),
                        Some(props.grid_path), &props.send.reform(Msg::GridPath)) }
                </div>
                <Raw class="grid-place" testid="grid" markup={props.grid.clone()} />
                <p class="foot">{ "Row: priority class, the high digit of a vector. Column: the low digit." }</p>
            </section>
        }
    }
}

const BANKS: [(Bank, &str); 3] = [(Bank::Pir, "PIR"), (Bank::Virr, "VIRR"), (Bank::Visr, "VISR")];

/// A column's head, which also says everything as data.
fn head((path, data): (&Name, &Data)) -> Html {
    let flag = |on: bool| if on { "1" } else { "0" };
    html! {
        <th scope="col" data-testid={format!("pi-{}", data.path)} data-pir={data.pir.clone()} data-on={flag(data.on)}
            data-sn={flag(data.sn)} data-nv={data.nv.clone()} data-ndst={data.ndst.clone()}
            data-virr={data.virr.clone()} data-visr={data.visr.clone()} data-rvi={data.rvi.clone()}
            data-svi={data.svi.clone()} data-vppr={data.vppr.clone()} title={path.title.clone()}>{ path.head.clone() }</th>
    }
}

fn chooser(props: &Descriptor) -> Html {
    if props.vcpus < 2 {
        return Html::default();
    }
    let names: Vec<String> = (0..props.vcpus).map(|v| v.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let chosen = Some(usize::from(props.vcpu));
    segments("vcpu", "vCPU", &names, chosen, &props.send.reform(|i: usize| Msg::Command(Command::Vcpu(i as u16))))
}

/// A group of radio buttons that looks like one control.
pub(super) fn segments(
    name: &'static str,
    label: &'static str,
    names: &[&str],
    chosen: Option<usize>,
    onpick: &Callback<usize>,
) -> Html {
    let segment = |(i, text): (usize, &&str)| {
        let onchange = onpick.reform(move |_: Event| i);
        html! {
            <label><input type="radio" {name} data-testid={format!("{name}-{}", text.to_ascii_lowercase())}
                checked={chosen == Some(i)} {onchange} /><span>{ (*text).to_owned() }</span></label>
        }
    };
    html! { <div class="segments" role="radiogroup" aria-label={label}>{ for names.iter().enumerate().map(segment) }</div> }
}
