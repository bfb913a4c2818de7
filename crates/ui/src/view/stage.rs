//! One path's stage: its name, what this tick has cost so far, and the picture.

use super::part::{Draw, Send};
use super::raw::Raw;
use apic_core::scenario::PathKind;
use yew::prelude::*;

/// What a stage shows.
#[derive(PartialEq)]
pub(crate) struct Stage {
    pub(crate) path: PathKind,
    pub(crate) svg: AttrValue,
    pub(crate) exits: u32,
    pub(crate) ipis: u32,
    /// Its place among the paths.
    pub(crate) index: usize,
    pub(crate) send: Send,
}

impl Draw for Stage {
    fn draw(&self) -> Html {
        let props = self;
        let path = props.path;
        let testid = match path {
            PathKind::Pinned => "stage-pinned",
            PathKind::Posted => "stage-posted",
            PathKind::PreemptionTimer => "stage-preemption-timer",
            PathKind::NotPosted => "stage-not-posted",
            PathKind::NoApicv => "stage-no-apicv",
            PathKind::Avic => "stage-avic",
            PathKind::VirtualTimer => "stage-virtual-timer",
            PathKind::Userspace => "stage-userspace",
        };
        html! {
            <section class="card stage-card" data-path={path.name()} aria-labelledby={format!("{testid}-title")}>
                <div class="stage-head">
                    <h2 id={format!("{testid}-title")}>{ path.title() }</h2>
                    <span class="about">{ path.about() }</span>
                    <span class="tally">
                        { "this tick: " }<b>{ count(props.exits, "exit") }</b>{ ", " }{ count(props.ipis, "IPI") }
                    </span>
                </div>
                <Raw class="stage-place" {testid} markup={props.svg.clone()} marks={Some((props.index, props.send.clone()))} />
            </section>
        }
    }
}

fn count(n: u32, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_singular() {
        assert_eq!(
            [super::count(0, "exit"), super::count(1, "IPI"), super::count(2, "exit")],
            ["0 exits", "1 IPI", "2 exits"]
        );
    }
}
