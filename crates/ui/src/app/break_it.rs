//! Rules that are taken away: searched for in the lab, watched on the stage, and lost by hand.

use super::{App, Msg};
use crate::lab::{Lab, News, Told};
use crate::session::Session;
use apic_core::driver::explore::Portable;
use apic_core::kvm::{Fault, Faults};
use wasm_bridge::browser;
use wasm_bridge::worker::check::{Check, Checked, Judge, Judged, Verdict, What};
use wasm_bridge::worker::{Answer, Job};
use yew::prelude::*;

/// What is asked of the panel.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A rule is taken away, or put back.
    Toggle(Fault),
    /// The scenario on the stage is searched on this path, and not the rules' own example; the other way round if none.
    Path(Option<String>),
    Check,
    /// The scenario on the stage with every rule in force, on this path.
    Prove(String),
    Cancel,
    /// The counterexample comes on the stage.
    Watch,
    /// The same scenario from its start, without a clock.
    Try,
    /// What has the run on the stage come to?
    Judge,
    /// The lab has said something about the search, or about the run on the stage.
    News(News),
    Judged(News),
}

/// What the panel shows.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Shown {
    pub(crate) without: Faults,
    pub(crate) path: Option<String>,
    /// A search is under way, at so many states a second.
    pub(crate) under_way: bool,
    pub(crate) per_second: u64,
    pub(crate) checked: Option<Checked>,
    /// Rules that the last search went without.
    pub(crate) went_without: Faults,
    pub(crate) failure: Option<AttrValue>,
    pub(crate) cancelled: bool,
    /// What the run on the stage has come to.
    pub(crate) judged: Option<Judged>,
}

/// The panel's labs, and what it shows.
pub(crate) struct BreakIt {
    lab: Lab,
    judge: Lab,
    /// When the search began, in ms.
    began: u64,
    pub(crate) shown: Shown,
}

impl BreakIt {
    pub(super) fn new(ctx: &Context<App>) -> Self {
        let (one, two) = (ctx.link().clone(), ctx.link().clone());
        Self {
            lab: Lab::new(move |news| one.send_message(Msg::BreakIt(Ask::News(news)))),
            judge: Lab::new(move |news| two.send_message(Msg::BreakIt(Ask::Judged(news)))),
            began: 0,
            shown: Shown::default(),
        }
    }
}

impl App {
    pub(super) fn break_it(&mut self, ctx: &Context<Self>, ask: Ask) -> bool {
        let link = self.session.scenario_link();
        let panel = &mut self.break_it;
        let shown = &mut panel.shown;
        match ask {
            Ask::Toggle(fault) => {
                let without = shown.without;
                shown.without = if without.has(fault) {
                    without.iter().filter(|f| *f != fault).collect()
                } else {
                    without.with(fault)
                };
            }
            Ask::Path(path) => shown.path = path,
            Ask::Check => {
                let what = shown.path.clone().map_or(What::Example, |path| What::Here { link, path });
                self.search(what, self.break_it.shown.without);
            }
            Ask::Prove(path) => self.search(What::Here { link, path }, Faults::default()),
            Ask::Cancel => panel.lab.cancel(),
            Ask::Watch => return self.watch(ctx, false),
            Ask::Try => return self.watch(ctx, true),
            Ask::Judge => self.ask_judge(),
            Ask::News(news) => match panel.lab.hear(news) {
                None => return false,
                Some(Told::Progress(_, Some(Answer::Check(checked)))) => {
                    let ms = browser::now().saturating_sub(panel.began).max(1);
                    shown.per_second = checked.states * 1_000 / ms;
                    shown.checked = Some(checked);
                }
                Some(Told::Done(Answer::Check(checked))) => {
                    shown.under_way = false;
                    self.spoken = match &checked.verdict {
                        Some(Verdict::Violated { broken, .. }) => ["Violated: ", broken, "."].concat().into(),
                        Some(Verdict::Holds) => "It holds.".into(),
                        _ => "The search did not finish.".into(),
                    };
                    shown.checked = Some(checked);
                }
                Some(Told::Cancelled) => {
                    (shown.under_way, shown.cancelled) = (false, true);
                    self.spoken = "The search was stopped.".into();
                }
                Some(Told::Failed(why)) => (shown.under_way, shown.failure) = (false, Some(why)),
                Some(Told::Progress(..) | Told::Done(_) | Told::Drawn(..)) => return false,
            },
            Ask::Judged(news) => match panel.judge.hear(news) {
                Some(Told::Done(Answer::Judge(judged))) => {
                    let ending = self.session.script.as_deref().map(|script| ending(&judged, script.faults));
                    shown.judged = Some(judged);
                    self.shown.end(&self.session, ending);
                    self.moved(ctx);
                }
                Some(Told::Failed(why)) => shown.failure = Some(why),
                _ => return false,
            },
        }
        true
    }

    fn search(&mut self, what: What, without: Faults) {
        let panel = &mut self.break_it;
        panel.began = browser::now();
        let ids = without.iter().map(|fault| fault.info().id.to_owned()).collect();
        let shown = &mut panel.shown;
        (shown.under_way, shown.cancelled, shown.failure, shown.checked) = (true, false, None, None);
        (shown.went_without, shown.per_second) = (without, 0);
        if let Err(why) = panel.lab.ask(Job::Check(Check { what, without: ids })) {
            (shown.under_way, shown.failure) = (false, Some(why));
        }
    }

    /// The counterexample on the stage, or nothing of it yet but where it begins.
    fn watch(&mut self, ctx: &Context<Self>, by_hand: bool) -> bool {
        let found = self.break_it.shown.checked.as_ref().and_then(|checked| checked.verdict.as_ref());
        let Some(Verdict::Violated { text, .. }) = found else { return false };
        let Ok(mut script) = Portable::decode(text) else { return false };
        if by_hand {
            script.moves.clear();
        }
        self.address.write(&self.session);
        self.choice.by_hand = by_hand;
        self.replace(ctx, Session::of_script(script));
        self.address.push(&self.session);
        true
    }

    /// Asks what the run on the stage has come to, if it has no clock.
    pub(super) fn judge(&mut self, ctx: &Context<Self>) {
        self.break_it.shown.judged = None;
        self.shown.end(&self.session, None);
        if self.session.script.is_some() {
            ctx.link().send_message(Msg::BreakIt(Ask::Judge));
        }
    }

    fn ask_judge(&mut self) {
        let Some(text) = self.session.text(None) else { return };
        if let Err(why) = self.break_it.judge.ask(Job::Judge(Judge { text })) {
            self.break_it.shown.failure = Some(why);
        }
    }
}

/// The last sentence: what was lost, and which rule would have saved it.
fn ending(judged: &Judged, without: Faults) -> AttrValue {
    let Some(broken) = &judged.broken else {
        return "Nothing is lost: from here the interrupt still arrives in some order of steps.".into();
    };
    let mut text = ["Then: ", broken, "."].concat();
    for info in without.iter().filter(|f| !f.is_redundant()).map(Fault::info) {
        for part in [" What would have saved it: ", info.title, " (", info.repair, ")."] {
            text.push_str(part);
        }
    }
    text.into()
}
