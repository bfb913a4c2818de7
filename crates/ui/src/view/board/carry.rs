//! A token on its way from one core to another.

use crate::place::{Core, Edit};
use apic_core::units::{CpuId, VcpuId};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, PointerEvent};

/// What can be carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Vcpu(VcpuId),
    /// The role of the core with this number.
    Housekeeper(CpuId),
}

impl Token {
    /// As it is written on the token.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Vcpu(v) => format!("vCPU {v}"),
            Self::Housekeeper(_) => "housekeeper".to_owned(),
        }
    }

    pub(crate) fn key(self) -> String {
        match self {
            Self::Vcpu(v) => format!("vcpu-{v}"),
            Self::Housekeeper(c) => format!("housekeeper-{c}"),
        }
    }

    pub(crate) const fn class(self, carried: bool) -> &'static str {
        match (self, carried) {
            (Self::Vcpu(_), false) => "token token-vcpu",
            (Self::Vcpu(_), true) => "token token-vcpu carried",
            (Self::Housekeeper(_), false) => "token",
            (Self::Housekeeper(_), true) => "token carried",
        }
    }

    /// Whether the token lies on this core.
    pub(crate) fn is_on(self, core: &Core) -> bool {
        match self {
            Self::Vcpu(v) => core.vcpu == Some(v),
            Self::Housekeeper(c) => core.cpu == c,
        }
    }

    /// The change that dropping it on a core asks for.
    pub(crate) const fn onto(self, cpu: CpuId) -> Edit {
        match self {
            Self::Vcpu(v) => Edit::Vcpu(v, cpu),
            Self::Housekeeper(from) => Edit::Housekeeper(from, cpu),
        }
    }

    /// The same token once it lies on a core.
    pub(crate) const fn after(self, cpu: CpuId) -> Self {
        match self {
            Self::Vcpu(v) => Self::Vcpu(v),
            Self::Housekeeper(_) => Self::Housekeeper(cpu),
        }
    }
}

/// A token that is being carried.
pub(crate) struct Carry {
    pub(crate) token: Token,
    pub(crate) from: CpuId,
    pub(crate) over: CpuId,
    pointer: Option<Pointer>,
}

struct Pointer {
    element: Option<HtmlElement>,
    start: (i32, i32),
    moved: bool,
}

/// Pixels below which a press is a press and not a drag.
const SLACK: i32 = 4;

impl Carry {
    pub(crate) fn by_key(token: Token, from: CpuId) -> Self {
        Self { token, from, over: from, pointer: None }
    }

    pub(crate) fn by_pointer(token: Token, from: CpuId, event: &PointerEvent) -> Self {
        let element = event.target().and_then(|t| t.dyn_into::<HtmlElement>().ok());
        let start = (event.client_x(), event.client_y());
        Self { token, from, over: from, pointer: Some(Pointer { element, start, moved: false }) }
    }

    pub(crate) fn is_by_key(&self) -> bool {
        self.pointer.is_none()
    }

    /// Whether it has left where it was pressed.
    pub(crate) fn is_moved(&self) -> bool {
        self.pointer.as_ref().is_some_and(|p| p.moved)
    }

    /// Whether the core under it is worth marking.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_by_key() || self.is_moved()
    }

    /// Follows the pointer, and notes which core is under it.
    pub(crate) fn drag(&mut self, event: &PointerEvent) {
        let Some(pointer) = self.pointer.as_mut() else { return };
        let (dx, dy) = (event.client_x() - pointer.start.0, event.client_y() - pointer.start.1);
        pointer.moved |= dx.abs() > SLACK || dy.abs() > SLACK;
        if !pointer.moved {
            return;
        }
        if let Some(element) = &pointer.element {
            let _refused = element.style().set_property("transform", &format!("translate({dx}px,{dy}px)"));
        }
        if let Some(cpu) = core_at(event.client_x(), event.client_y()) {
            self.over = cpu;
        }
    }

    /// Puts the token's element back where the board drew it.
    pub(crate) fn settle(&mut self) {
        if let Some(element) = self.pointer.as_ref().and_then(|p| p.element.as_ref()) {
            let _refused = element.style().remove_property("transform");
        }
    }
}

/// The core whose cell is under a point of the viewport.
fn core_at(x: i32, y: i32) -> Option<CpuId> {
    let document = web_sys::window()?.document()?;
    let under = document.elements_from_point(x as f32, y as f32);
    let cell = under.iter().find_map(|e| {
        let element = e.dyn_into::<web_sys::Element>().ok()?;
        element.has_attribute("data-cpu").then_some(element)
    })?;
    cell.get_attribute("data-cpu")?.parse().ok().map(CpuId)
}

/// The core beside another, from the last to the first and round.
pub(crate) fn beside(cpu: CpuId, by: i32, cpus: u16) -> CpuId {
    let cpus = i32::from(cpus.max(1));
    CpuId((i32::from(cpu.0) + by).rem_euclid(cpus) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_go_round() {
        assert_eq!(beside(CpuId(3), 1, 4), CpuId(0));
        assert_eq!(beside(CpuId(0), -1, 4), CpuId(3));
        assert_eq!(beside(CpuId(0), 1, 0), CpuId(0));
    }

    #[test]
    fn a_dropped_housekeeper_is_known_by_its_new_core() {
        let token = Token::Housekeeper(CpuId(0));
        assert_eq!(token.after(CpuId(2)), Token::Housekeeper(CpuId(2)));
        assert_eq!(token.onto(CpuId(2)), Edit::Housekeeper(CpuId(0), CpuId(2)));
    }
}
