//! What sets the paths of this tick apart, as a table.

use super::part::Draw;
use super::raw::Raw;
use crate::names::Name;
use crate::words;
use scene::Aspect;
use std::rc::Rc;
use yew::prelude::*;

/// The questions of [`scene::PageData::aspects`], with the answers of this tick.
#[derive(PartialEq)]
pub(crate) struct Differ {
    pub(crate) paths: Rc<[Name]>,
    pub(crate) aspects: Rc<[Aspect]>,
}

impl Draw for Differ {
    fn draw(&self) -> Html {
        if self.paths.len() < 2 {
            return html! { <div></div> };
        }
        html! {
            <section class="card" aria-labelledby="differ-title">
                <h2 id="differ-title" class="panel">{ "What differs in this tick, for vCPU 0" }</h2>
                <Raw class="scroll-x" markup={table(&self.paths, &self.aspects)} />
            </section>
        }
    }
}

/// The table, and what is the same on all paths. As markup: dozens of cells as virtual nodes are kilobytes of program.
fn table(paths: &[Name], aspects: &[Aspect]) -> AttrValue {
    let mut out = String::from("<table class=\"fields differences\" data-testid=\"differences\"><thead><tr><td></td>");
    let mut add = |parts: &[&str]| parts.iter().for_each(|part| out.push_str(part));
    for path in paths {
        add(&["<th scope=\"col\">", &path.title, "</th>"]);
    }
    add(&["</tr></thead><tbody>"]);
    for aspect in aspects.iter().filter(|a| a.differs()) {
        add(&["<tr data-aspect=\"", aspect.key, "\"><th scope=\"row\">", aspect.what, "</th>"]);
        for (path, answer) in paths.iter().zip(&aspect.answers) {
            add(&[
                "<td data-path=\"",
                &path.key,
                "\" data-value=\"",
                answer,
                "\">",
                &words::breakable(answer),
                "</td>",
            ]);
        }
        add(&["</tr>"]);
    }
    add(&["</tbody></table><p class=\"foot\" data-testid=\"alike\">"]);
    let mut before = "The same on all: ";
    for aspect in aspects.iter().filter(|a| !a.differs()) {
        add(&[before, aspect.what, ": ", aspect.answers.first().map_or("", String::as_str)]);
        before = "; ";
    }
    add(&[if before == "; " { ".</p>" } else { "</p>" }]);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apic_core::run::Lockstep;
    use apic_core::scenario::PRESETS;
    use scene::PageData;

    #[test]
    fn no_answer_needs_escaping_and_every_question_is_answered_once() {
        for preset in PRESETS {
            let lockstep = Lockstep::new(&preset.scenario().expect("ships"));
            let names = crate::names::of(&lockstep);
            for tick in 0..lockstep.ticks().len() {
                let aspects = PageData::collect(&lockstep, tick).aspects();
                let table = table(&names, &aspects);
                for aspect in &aspects {
                    assert!(aspect.answers.iter().all(|a| !a.contains(['<', '&', '"'])), "{:?}", aspect.answers);
                    assert_eq!(table.matches(aspect.what).count(), 1, "{}", aspect.what);
                }
            }
        }
    }
}
