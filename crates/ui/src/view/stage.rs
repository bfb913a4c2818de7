//! One path's stage: its name, what this tick has cost so far, and the picture.

use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::hand::Ask;
use crate::hand::{self, Offer};
use crate::shown::StageView;
use yew::prelude::*;

/// What a stage shows.
#[derive(PartialEq)]
pub(crate) struct Stage {
    pub(crate) view: StageView,
    /// Its place among the paths.
    pub(crate) index: usize,
    pub(crate) send: Send,
}

impl Draw for Stage {
    fn draw(&self) -> Html {
        let view = &self.view;
        let (name, path) = (&view.name, view.name.way.path);
        let testid = AttrValue::from(format!("stage-{}", name.key));
        // Where the title is too long for lists, its letter stands in them.
        let letter = (name.short != name.title).then(|| name.short.clone());
        html! {
            <section class="card stage-card" data-path={name.key.clone()} aria-labelledby={format!("{testid}-title")}>
                <div class="stage-head">
                    <h2 id={format!("{testid}-title")}>
                        <span class="badge letter">{ letter }</span>{ name.title.clone() }
                    </h2>
                    <span class="about">{ path.about() }</span>
                    <span class="tally">
                        { "this tick: " }<b>{ count(view.exits, "exit") }</b>{ ", " }{ count(view.ipis, "IPI") }
                    </span>
                </div>
                <div class="offers">{ offers(self) }</div>
                <Raw class="stage-place" {testid} markup={view.svg.clone()} cuts={view.cuts.clone()}
                    marks={Some((self.index, self.send.clone()))} />
            </section>
        }
    }
}

/// The steps that can be taken now, each as a button.
fn offers(stage: &Stage) -> Html {
    let Some(all) = &stage.view.offers else { return Html::default() };
    if all.is_empty() {
        return html! { <p class="foot">{ "The run of this path ends here." }</p> };
    }
    let (path, key) = (stage.index, &stage.view.name.key);
    let offer = |o: &Offer| {
        let actor = o.actor;
        let onclick = stage.send.reform(move |_: MouseEvent| Msg::Hand(Ask::Pick(path, actor)));
        let class = if o.due { "offer due" } else { "offer" };
        let mut who = o.who.clone();
        if let Some(later) = &o.later {
            who.push_str(", in ");
            who.push_str(later);
        }
        who.push_str(if o.due { " (due)" } else { "" });
        let what = [o.rule, " ", o.what].concat();
        html! {
            <button {class} data-actor={hand::key(actor)} data-rule={o.rule} {onclick}><span class="who">{ who }</span>{ what }</button>
        }
    };
    html! {
        <div role="group" aria-label={format!("Who moves next: {}", stage.view.name.title)} data-testid={format!("offers-{key}")}>
            { for all.iter().map(offer) }
        </div>
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
