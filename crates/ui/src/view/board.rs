//! Placement: who sits on which core. Tokens are dragged with any pointer, carried with the keyboard, or set with a
//! select; what cannot be is refused with the reason and changes nothing.

mod carry;
mod dense;

use super::event;
use super::part::Send;
use crate::app;
use crate::place::{self, Core, Edit, Group};
use apic_core::host::Topology;
use apic_core::scenario::{Load, Scenario, Vcpu};
use apic_core::units::{CpuId, VcpuId};
use carry::{Carry, Token};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// The scenario to place in.
#[derive(Properties, PartialEq)]
pub(crate) struct BoardProps {
    pub(crate) scenario: Rc<Scenario>,
    /// What cannot do what it is configured for.
    pub(crate) unused: Rc<[AttrValue]>,
    pub(crate) send: Send,
}

pub(crate) enum Msg {
    /// Enter or Space on a token: pick it up, or drop it.
    Pick(Token, CpuId),
    /// Arrow keys: so many cores on, or so many caches.
    Carry(i32, bool),
    /// A pointer takes hold of a token.
    Hold(Token, CpuId, PointerEvent),
    Drag(PointerEvent),
    Drop,
    Cancel,
    Edit(Edit),
    /// Of a large host: the core that is set, and the vCPU that is placed.
    Core(CpuId),
    Seat(VcpuId),
}

/// The board.
pub(crate) struct Board {
    groups: Vec<Group>,
    carry: Option<Carry>,
    refusal: Option<String>,
    /// The token to focus once it is where it was dropped.
    refocus: Option<Token>,
    picked: CpuId,
    seat: VcpuId,
}

impl Component for Board {
    type Message = Msg;
    type Properties = BoardProps;

    fn create(ctx: &Context<Self>) -> Self {
        let groups = place::groups(&ctx.props().scenario);
        Self { groups, carry: None, refusal: None, refocus: None, picked: CpuId(0), seat: VcpuId(0) }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &BoardProps) -> bool {
        if ctx.props().scenario != old.scenario {
            self.groups = place::groups(&ctx.props().scenario);
            (self.carry, self.refusal) = (None, None);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Pick(token, cpu) => {
                if let Some(carry) = self.carry.take() {
                    self.drop(ctx, &carry);
                } else {
                    self.carry = Some(Carry::by_key(token, cpu));
                    say(ctx, format!("{} picked up. {}", token.name(), self.over(ctx, token, cpu)));
                }
            }
            Msg::Carry(by, caches) => {
                let per_cache = self.groups.first().filter(|_| self.groups.len() > 1).map_or(1, |g| g.cores.len());
                let Some(carry) = self.carry.as_mut() else { return false };
                let by = if caches { by * i32::try_from(per_cache).unwrap_or(1) } else { by };
                carry.over = carry::beside(carry.over, by, ctx.props().scenario.host.topology.cpus() as u16);
                let (token, over) = (carry.token, carry.over);
                say(ctx, self.over(ctx, token, over));
            }
            Msg::Hold(token, cpu, event) => self.carry = Some(Carry::by_pointer(token, cpu, &event)),
            Msg::Drag(event) => {
                let Some(carry) = self.carry.as_mut() else { return false };
                let before = carry.over;
                carry.drag(&event);
                return carry.over != before;
            }
            Msg::Drop => {
                let Some(mut carry) = self.carry.take() else { return false };
                carry.settle();
                if carry.is_moved() {
                    self.drop(ctx, &carry);
                }
            }
            Msg::Cancel => {
                let Some(mut carry) = self.carry.take() else { return false };
                carry.settle();
                say(ctx, format!("{} stays on core {}.", carry.token.name(), carry.from));
            }
            Msg::Edit(edit) => self.edit(ctx, edit),
            Msg::Core(cpu) => self.picked = cpu,
            Msg::Seat(vcpu) => self.seat = vcpu,
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let scenario = &ctx.props().scenario;
        let refusal = self.refusal.clone().map(|text| html! { <p class="refusal" data-testid="refusal">{ text }</p> });
        let seats = if self.is_dense() {
            self.pickers(ctx)
        } else {
            let seat = |(i, v): (usize, &Vcpu)| self.seat(ctx, VcpuId(i as u16), v.cpu);
            html! { <div class="seats">{ for scenario.vcpus.iter().enumerate().map(seat) }</div> }
        };
        let unused = &ctx.props().unused;
        let unused = (!unused.is_empty()).then(|| html! {
            <ul class="unused" data-testid="unused">{ for unused.iter().map(|why| html! { <li>{ why.clone() }</li> }) }</ul>
        });
        html! {
            <section class="card board" aria-labelledby="board-title">
                <div class="panel-head">
                    <h2 id="board-title" class="panel">{ "Placement" }</h2>
                    <p class="about">{ "Drag a vCPU or a housekeeper to another core, or focus it and press Enter." }</p>
                </div>
                <div role="alert">{ refusal }</div>
                <div>{ unused }</div>
                <div class="groups">{ for self.groups.iter().map(|g| self.group(ctx, g)) }</div>
                <div>{ seats }</div>
                <div class="seats">
                    <button data-testid="add-vcpu" onclick={ctx.link().callback(|_: MouseEvent| Msg::Edit(Edit::Add))}>{ "Add a vCPU" }</button>
                    { Self::hosts(ctx) }
                </div>
            </section>
        }
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        let Some(token) = self.refocus.take() else { return };
        let selector = format!("[data-token=\"{}\"]", token.key());
        let found =
            web_sys::window().and_then(|w| w.document()).and_then(|d| d.query_selector(&selector).ok().flatten());
        if let Some(element) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
            let _refused = element.focus();
        }
    }
}

impl Board {
    fn core(&self, cpu: CpuId) -> Option<&Core> {
        self.groups.iter().flat_map(|g| &g.cores).find(|c| c.cpu == cpu)
    }

    /// What is said of a token over a core.
    fn over(&self, ctx: &Context<Self>, token: Token, cpu: CpuId) -> String {
        if self.core(cpu).is_some_and(|core| token.is_on(core)) {
            return format!("{} over core {cpu}, where it is", token.name());
        }
        let words = self.core(cpu).map(Core::words).unwrap_or_default();
        let refused = place::apply(&ctx.props().scenario, token.onto(cpu)).err();
        let why = refused.map(|e| format!(". Cannot go there: {}", place::reason(&e))).unwrap_or_default();
        format!("{} over core {cpu}, {words}{why}", token.name())
    }

    fn drop(&mut self, ctx: &Context<Self>, carry: &Carry) {
        self.refocus = Some(carry.token.after(carry.over));
        if carry.over == carry.from {
            say(ctx, format!("{} stays on core {}.", carry.token.name(), carry.from));
            return;
        }
        self.edit(ctx, carry.token.onto(carry.over));
        if self.refusal.is_some() {
            self.refocus = Some(carry.token);
        } else {
            say(ctx, format!("{} dropped on core {}.", carry.token.name(), carry.over));
        }
    }

    fn edit(&mut self, ctx: &Context<Self>, edit: Edit) {
        match place::apply(&ctx.props().scenario, edit) {
            Ok(scenario) => {
                self.refusal = None;
                ctx.props().send.emit(app::Msg::Place(Box::new(scenario)));
            }
            Err(error) => self.refusal = Some(format!("Refused, nothing has changed: {}", place::reason(&error))),
        }
    }

    fn group(&self, ctx: &Context<Self>, group: &Group) -> Html {
        let smt = usize::from(ctx.props().scenario.host.topology.smt.max(1));
        let dense = self.is_dense();
        let cell = |core: &Core| if dense { self.small_cell(ctx, core) } else { self.cell(ctx, core) };
        let pair = |threads: &[Core]| {
            let name = format!("Core {}, {smt} threads", threads.first().map_or(0, |c| c.cpu.index() / smt));
            html! { <div class="pair" role="group" aria-label={name.clone()}><small>{ name }</small><div class="cores">{ for threads.iter().map(cell) }</div></div> }
        };
        let cores: Html =
            if smt > 1 { group.cores.chunks(smt).map(pair).collect() } else { group.cores.iter().map(cell).collect() };
        html! {
            <div class="group" role="group" aria-label={group.name.clone()}>
                <span class="group-name">{ group.name.clone() }</span>
                <div class={if dense { "cores dense" } else { "cores" }}>{ cores }</div>
            </div>
        }
    }

    /// Whether the host is too large for controls in each cell.
    fn is_dense(&self) -> bool {
        self.groups.iter().map(|g| g.cores.len()).sum::<usize>() > dense::MOST
    }

    /// Hosts of other shapes.
    fn hosts(ctx: &Context<Self>) -> Html {
        let topology = ctx.props().scenario.host.topology;
        let here = place::HOSTS.iter().position(|host| host.1 == topology).map_or(String::new(), |i| i.to_string());
        let now = here.clone();
        let onchange = ctx.link().batch_callback(move |event: Event| {
            let select = event::select(&event)?;
            let wanted = select.value().parse().ok()?;
            select.set_value(&now);
            Some(Msg::Edit(Edit::Host(wanted)))
        });
        let option = |(i, host): (usize, &(&'static str, Topology))| {
            html! { <option value={i.to_string()} selected={host.1 == topology}>{ host.0 }</option> }
        };
        let t = topology;
        html! {
            <label>{ "Host " }
                <select ~value={here.clone()} data-testid="host" {onchange}>
                    <option value="" hidden={true} selected={here.is_empty()}>{ format!("{} × {} × {} × {}", t.sockets, t.llcs, t.cores, t.smt) }</option>
                    { for place::HOSTS.iter().enumerate().map(option) }
                </select>
            </label>
        }
    }

    fn remove(ctx: &Context<Self>, vcpu: VcpuId) -> Html {
        let onclick = ctx.link().callback(move |_: MouseEvent| Msg::Edit(Edit::Remove(vcpu)));
        html! { <button class="quiet small" data-testid={format!("remove-vcpu-{vcpu}")} aria-label={format!("Remove vCPU {vcpu}")} {onclick}>{ "Remove" }</button> }
    }

    fn cell(&self, ctx: &Context<Self>, core: &Core) -> Html {
        let cpu = core.cpu;
        let keeps = core.load.is_some();
        let over = self.carry.as_ref().is_some_and(|c| c.over == cpu && c.is_shown());
        let class = match (keeps, over) {
            (true, true) => "core keeps over",
            (true, false) => "core keeps",
            (false, true) => "core over",
            (false, false) => "core",
        };
        let toggle = ctx.link().callback(move |_: MouseEvent| Msg::Edit(Edit::Keeps(cpu, !keeps)));
        let (word, label) = if keeps {
            ("Isolate", format!("Isolate core {cpu}"))
        } else {
            ("Keep house", format!("Keep house: make core {cpu} a housekeeper"))
        };
        html! {
            <div {class} data-cpu={cpu.to_string()} data-testid={format!("core-{cpu}")}>
                <div class="core-head">
                    <b>{ "core " }{ cpu.0 }</b>
                    <button class="quiet small" aria-label={label} onclick={toggle}>{ word }</button>
                </div>
                <div class="core-role">
                    { if keeps { self.token(ctx, Token::Housekeeper(cpu), cpu) } else { html! { <span class="role">{ "isolated" }</span> } } }
                </div>
                <div class="core-load">{ core.load.map(|load| Self::load(ctx, cpu, load)) }</div>
                <div class="core-seat">{ core.vcpu.map(|v| self.token(ctx, Token::Vcpu(v), cpu)) }</div>
            </div>
        }
    }

    fn token(&self, ctx: &Context<Self>, token: Token, cpu: CpuId) -> Html {
        let carried = self.carry.as_ref().is_some_and(|c| c.token == token);
        let by_key = carried && self.carry.as_ref().is_some_and(Carry::is_by_key);
        let link = ctx.link();
        let onkeydown = link.batch_callback(move |event: KeyboardEvent| {
            let msg = match event.key().as_str() {
                "Enter" | " " => Msg::Pick(token, cpu),
                "Escape" if carried => Msg::Cancel,
                "ArrowRight" if by_key => Msg::Carry(1, false),
                "ArrowLeft" if by_key => Msg::Carry(-1, false),
                "ArrowDown" if by_key => Msg::Carry(1, true),
                "ArrowUp" if by_key => Msg::Carry(-1, true),
                _ => return None,
            };
            event.prevent_default();
            Some(msg)
        });
        let onpointerdown = link.batch_callback(move |event: PointerEvent| {
            (event.button() == 0).then(|| {
                // The token keeps getting the pointer wherever it goes.
                if let Some(element) = event.current_target_element() {
                    let _refused = element.set_pointer_capture(event.pointer_id());
                }
                Msg::Hold(token, cpu, event)
            })
        });
        let class = token.class(carried);
        html! {
            <div {class} tabindex="0" role="button" aria-pressed={by_key.to_string()} data-token={token.key()}
                aria-label={format!("{} on core {cpu}: press Enter to pick up", token.name())}
                onpointermove={link.batch_callback(move |e: PointerEvent| carried.then_some(Msg::Drag(e)))}
                onpointerup={link.callback(|_: PointerEvent| Msg::Drop)}
                onpointercancel={link.callback(|_: PointerEvent| Msg::Cancel)}
                onblur={link.batch_callback(move |_: FocusEvent| by_key.then_some(Msg::Cancel))}
                {onkeydown} {onpointerdown}>{ token.name() }</div>
        }
    }

    fn load(ctx: &Context<Self>, cpu: CpuId, load: Load) -> Html {
        let onchange = ctx.link().batch_callback(move |event: Event| {
            let select = event::select(&event)?;
            let wanted = match select.value().as_str() {
                "idle" => Load::Idle,
                "busy" => Load::Busy,
                _ => return None,
            };
            // What is refused does not stay chosen.
            select.set_value(place::load_word(load));
            Some(Msg::Edit(Edit::Load(cpu, wanted)))
        });
        let bursts = matches!(load, Load::Bursts { .. });
        html! {
            <select ~value={place::load_word(load)} aria-label={format!("Load of core {cpu}")} data-testid={format!("load-{cpu}")} {onchange}>
                <option value="idle" selected={load == Load::Idle}>{ "idle" }</option>
                <option value="busy" selected={load == Load::Busy}>{ "busy" }</option>
                <option value="in bursts" hidden={!bursts} selected={bursts}>{ "in bursts" }</option>
            </select>
        }
    }

    fn seat(&self, ctx: &Context<Self>, vcpu: VcpuId, here: CpuId) -> Html {
        let onchange = ctx.link().batch_callback(move |event: Event| {
            let select = event::select(&event)?;
            let wanted = select.value().parse().ok().map(CpuId)?;
            select.set_value(&here.to_string());
            Some(Msg::Edit(Edit::Vcpu(vcpu, wanted)))
        });
        let option = |c: &Core| {
            let words = if c.cpu == here { "here".to_owned() } else { c.words() };
            html! { <option value={c.cpu.to_string()} selected={c.cpu == here}>{ format!("core {} ({words})", c.cpu) }</option> }
        };
        html! {
            <span>
                <label>{ "vCPU " }{ vcpu.0 }{ " on " }
                    <select ~value={here.to_string()} data-testid={format!("seat-{vcpu}")} {onchange}>
                        { for self.groups.iter().flat_map(|g| &g.cores).map(option) }
                    </select>
                </label>
                { Self::remove(ctx, vcpu) }
            </span>
        }
    }
}

/// Words to speak while a token is carried.
fn say(ctx: &Context<Board>, words: String) {
    ctx.props().send.emit(app::Msg::Say(words));
}

/// The element that a listener belongs to.
trait CurrentElement {
    fn current_target_element(&self) -> Option<Element>;
}

impl CurrentElement for PointerEvent {
    fn current_target_element(&self) -> Option<Element> {
        // Yew listens at the root, so the token is found from what was pressed.
        self.target()?.dyn_into::<Element>().ok()?.closest("[data-token]").ok()?
    }
}
