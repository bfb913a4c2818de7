//! One path's stage: its name, what this tick has cost so far, and the picture.

use super::part::{Draw, Send};
use super::raw::Raw;
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
                <Raw class="stage-place" {testid} markup={view.svg.clone()} cuts={view.cuts.clone()}
                    marks={Some((self.index, self.send.clone()))} />
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
