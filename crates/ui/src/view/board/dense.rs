//! The board of a large host: a small cell for each core, and one place to set any of them.

use super::{Board, Msg};
use crate::place::{Core, Edit, load_word};
use crate::view::board::carry::Token;
use crate::view::event::{chosen, select};
use apic_core::scenario::Load;
use apic_core::units::{CpuId, VcpuId};
use yew::prelude::*;

/// Most CPUs whose cells have room for controls of their own.
pub(super) const MOST: usize = 16;

impl Board {
    /// A cell that shows who is there.
    pub(super) fn small_cell(&self, ctx: &Context<Self>, core: &Core) -> Html {
        let cpu = core.cpu;
        let over = self.carry.as_ref().is_some_and(|c| c.over == cpu && c.is_shown());
        let class = classes!(
            "core",
            "small",
            core.load.is_some().then_some("keeps"),
            over.then_some("over"),
            (self.picked == cpu).then_some("picked")
        );
        let onclick = ctx.link().callback(move |_: MouseEvent| Msg::Core(cpu));
        html! {
            <div {class} data-cpu={cpu.to_string()} data-testid={format!("core-{cpu}")} title={format!("{cpu}: {}", core.words())} {onclick}>
                <b>{ cpu.0 }</b>
                { core.load.map(|_| self.token(ctx, Token::Housekeeper(cpu), cpu)) }
                { core.load.filter(|load| *load != Load::Idle).map(|load| html! { <small>{ load_word(load) }</small> }) }
                { core.vcpu.map(|v| self.token(ctx, Token::Vcpu(v), cpu)) }
            </div>
        }
    }

    /// Any vCPU on any core, and what any core is.
    pub(super) fn pickers(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let scenario = &ctx.props().scenario;
        let cores = || self.groups.iter().flat_map(|g| &g.cores);
        let vcpu = VcpuId(self.seat.0.min(scenario.vcpus.len().saturating_sub(1) as u16));
        let here = scenario.vcpus.get(vcpu.index()).map_or(CpuId(0), |v| v.cpu);
        let number = |event: &Event| chosen(event).and_then(|text| text.parse::<u16>().ok());
        let onvcpu = link.batch_callback(move |e: Event| number(&e).map(|v| Msg::Seat(VcpuId(v))));
        let onseat = link.batch_callback(move |e: Event| {
            let wanted = number(&e)?;
            select(&e)?.set_value(&here.to_string());
            Some(Msg::Edit(Edit::Vcpu(vcpu, CpuId(wanted))))
        });
        let core = self.core(self.picked).or_else(|| cores().next());
        let (cpu, load) = core.map_or((CpuId(0), None), |core| (core.cpu, core.load));
        let is = load.map_or("isolated", load_word);
        let oncore = link.batch_callback(move |e: Event| number(&e).map(|c| Msg::Core(CpuId(c))));
        let onrole = link.batch_callback(move |e: Event| {
            let wanted = chosen(&e)?;
            select(&e)?.set_value(is);
            let load = |load| Some(Msg::Edit(Edit::Role(cpu, Some(load))));
            match wanted.as_str() {
                "isolated" => Some(Msg::Edit(Edit::Role(cpu, None))),
                "busy" => load(Load::Busy),
                "idle" => load(Load::Idle),
                _ => None,
            }
        });
        let option = |c: &Core, here: CpuId| {
            html! { <option value={c.cpu.to_string()} selected={c.cpu == here}>{ format!("{} ({})", c.cpu, c.words()) }</option> }
        };
        let role = |value: &'static str, words: &'static str| html! { <option {value} selected={value == is}>{ words }</option> };
        html! {
            <div class="seats">
                <label>{ "vCPU " }
                    <select ~value={vcpu.to_string()} data-testid="pick-vcpu" onchange={onvcpu}>
                        { for (0..scenario.vcpus.len() as u16).map(|v| html! { <option value={v.to_string()} selected={v == vcpu.0}>{ v }</option> }) }
                    </select>
                </label>
                <label>{ "on core " }
                    <select ~value={here.to_string()} data-testid="pick-seat" onchange={onseat}>{ for cores().map(|c| option(c, here)) }</select>
                </label>
                { Self::remove(ctx, vcpu) }
                <label>{ "Core " }
                    <select ~value={cpu.to_string()} data-testid="pick-core" onchange={oncore}>{ for cores().map(|c| option(c, cpu)) }</select>
                </label>
                <label>{ "is " }
                    <select ~value={is} data-testid="pick-role" onchange={onrole}>
                        { role("isolated", "isolated") }{ role("idle", "a housekeeper, idle") }{ role("busy", "a housekeeper, busy") }
                        { (is == "in bursts").then(|| role("in bursts", "a housekeeper, in bursts")) }
                    </select>
                </label>
            </div>
        }
    }
}
