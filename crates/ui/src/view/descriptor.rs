//! The posted-interrupt descriptor and the virtual APIC of the selected vCPU: both paths side by side, and one bank of
//! one path as a grid.

use super::part::{Draw, Send};
use super::raw::Raw;
use super::registers;
use crate::app::Msg;
use crate::facts::{Data, Rows};
use crate::keys::Command;
use crate::names::Name;
use crate::shown::Picture;
use apic_core::effect::Bank;
use std::rc::Rc;
use yew::prelude::*;

/// What is shown.
#[derive(PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) vcpu: u16,
    pub(crate) vcpus: u16,
    pub(crate) paths: Rc<[Name]>,
    pub(crate) rows: Rc<[Rows]>,
    pub(crate) data: Rc<[Data]>,
    pub(crate) grid: AttrValue,
    /// Which path's grid, by its place in `paths`.
    pub(crate) grid_path: usize,
    /// The processor is AMD's.
    pub(crate) avic: bool,
    pub(crate) picture: Picture,
    pub(crate) send: Send,
}

impl Draw for Descriptor {
    fn draw(&self) -> Html {
        let props = self;
        let title = if props.avic { "AVIC, vCPU " } else { "Posted-interrupt descriptor, vCPU " };
        let pictures = if props.avic { AMD } else { INTEL };
        let names: Vec<&str> = pictures.iter().map(|(_, name)| *name).collect();
        let chosen = pictures.iter().position(|(p, _)| *p == props.picture).or(Some(0));
        let pick = props.send.reform(move |i: usize| Msg::Picture(pictures.get(i).map_or(PIR, |(p, _)| *p)));
        let foot = if chosen == Some(3) { LAYOUT_FOOT } else { GRID_FOOT };
        html! {
            <section class="card" aria-labelledby="pi-title">
                <div class="panel-head">
                    <h2 id="pi-title" class="panel">{ title }{ props.vcpu }</h2>
                    <div>{ chooser(props) }</div>
                </div>
                <table class="fields">
                    <thead><tr><td></td>{ for props.paths.iter().zip(props.data.iter()).map(head) }</tr></thead>
                    { registers::rows(&props.paths, &props.rows) }
                </table>
                <div class="grid-head">
                    { segments("grid-bank", "Which picture", &names, chosen, &pick) }
                    { segments("grid-path", "Which path", &props.paths.iter().map(|p| p.short.as_str()).collect::<Vec<_>>(),
                        Some(props.grid_path), &props.send.reform(Msg::GridPath)) }
                </div>
                <Raw class="grid-place" testid="grid" markup={props.grid.clone()} />
                <p class="foot">{ foot }</p>
            </section>
        }
    }
}

const PIR: Picture = Picture::Set(Bank::Pir);
const INTEL: &[(Picture, &str)] =
    &[(PIR, "PIR"), (Picture::Set(Bank::Virr), "VIRR"), (Picture::Set(Bank::Visr), "VISR"), (Picture::Layout, "Bits")];
const AMD: &[(Picture, &str)] = &[(Picture::Set(Bank::Virr), "IRR"), (Picture::Set(Bank::Visr), "ISR")];

const GRID_FOOT: &str = "Row: priority class, the high digit of a vector. Column: the low digit. A line is the processor \
                         priority: vectors below it wait.";
const LAYOUT_FOOT: &str = "The descriptor’s 512 bits, 64 a row, bit 0 of each row at the right. What is shaded is \
                           reserved.";

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
