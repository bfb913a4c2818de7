//! What the page is made of, and where it gets its values.

use super::App;
use crate::shown::StageView;
use crate::view::board::Board;
use crate::view::branches::Branches;
use crate::view::break_it::BreakIt;
use crate::view::breaks::Breakpoints;
use crate::view::compare::Compare;
use crate::view::descriptor::Descriptor;
use crate::view::differ::Differ;
use crate::view::glossary::{All as AllTerms, Definition};
use crate::view::header::Header;
use crate::view::help::Help;
use crate::view::knobs::Knobs;
use crate::view::ledger::Ledger;
use crate::view::lessons::LessonPanel;
use crate::view::measure::Measure;
use crate::view::notice::Notice;
use crate::view::part::part;
use crate::view::presets::Presets;
use crate::view::queues::Queues;
use crate::view::recording::{Export, RecordedStage, Recording};
use crate::view::registers::Registers;
use crate::view::sentence::Sentence;
use crate::view::share::Share;
use crate::view::stage::Stage;
use crate::view::steps::Steps;
use crate::view::transport::Transport;
use yew::prelude::*;

impl App {
    pub(super) fn page(&self) -> Html {
        let (shown, send, session) = (&self.shown, &self.send, &self.session);
        let recorded = self.recording.shown.looked.clone();
        let (position, len) = recorded
            .as_ref()
            .map_or((session.lockstep.position(), session.lockstep.len()), |r| (r.position as usize, r.len as usize));
        let strip = self.recording.shown.opened.as_ref().filter(|_| recorded.is_some()).map(|o| o.strip.clone().into());
        let (vcpu, vcpus) = (session.vcpu.0, shown.scenario.vcpus.len() as u16);
        let meta = &shown.scenario.meta;
        let send = || send.clone();
        let paths = || shown.paths.clone();
        let stage = |(index, s): (usize, &StageView)| part(Stage { view: s.clone(), index, send: send() });
        html! {
            <>
                { part(Header { theme: self.theme, copied: self.copied.is_some(), send: send() }) }
                <main class={classes!(self.held().then_some("held"), recorded.is_some().then_some("with-recording"))}>
                    <div class="messages">
                        { part(Notice { text: self.notice.clone(), send: send() }) }
                        { part(Share { link: self.link.clone(), title: meta.title.clone().into(), copied: self.copied.is_some(), later: self.later.clone(), send: send() }) }
                    </div>
                    { part(LessonPanel { lessons: self.lessons.clone(), here: self.later.here(), send: send() }) }
                    { part(Presets {
                        question: if meta.question.is_empty() { &meta.title } else { &meta.question }.clone().into(),
                        summary: meta.summary.clone().into(),
                        sources: meta.sources.clone(),
                        origin: session.origin.clone(),
                        edited: session.edited,
                        all: self.presets.clone(),
                        send: send(),
                    }) }
                    <div class="column" ref={self.stages.clone()}>
                        { part(Compare {
                            paths: paths(),
                            scenario: shown.scenario.clone(),
                            align: session.lockstep.alignment(),
                            kept: shown.kept.clone(),
                            refusal: self.compare_refusal.clone(),
                            later: self.later.clone(),
                            send: send(),
                        }) }
                        <div id="stages" class="stages" tabindex="-1">{ match &recorded {
                            Some(looked) => part(RecordedStage { looked: looked.clone(), later: self.later.clone(), send: send() }),
                            None => shown.stages.iter().enumerate().map(stage).collect::<Html>(),
                        } }</div>
                        <div class="deck">
                            { part(Sentence {
                                who: shown.said.who.clone(),
                                badge: shown.said.badge.clone(),
                                rule: shown.said.rule.filter(|_| recorded.is_none()),
                                main: recorded.as_ref().map_or(shown.said.main.clone(), |r| r.sentence.clone().into()),
                                aside: shown.said.aside.clone().filter(|_| recorded.is_none()),
                                glossary: self.defined.glossary.clone(),
                                send: send(),
                            }) }
                            { part(Transport {
                                position,
                                len,
                                time: recorded.as_ref().map_or(shown.time.clone(), |r| r.time.clone().into()),
                                playing: self.playing.is_some(),
                                speed: self.speed,
                                hint: self.hint.clone(),
                                strip: strip.unwrap_or_else(|| shown.strip.clone()),
                                send: send(),
                            }) }
                        </div>
                        <div class="pair">
                        <Steps
                            len={shown.listed(session)}
                            taken={shown.taken(session)}
                            rows={shown.rows.clone()}
                            filter={self.filter.clone()}
                            refusal={self.filter_refusal.clone()}
                            send={send()}
                        />
                        <div>
                        { part(Breakpoints {
                            breaks: self.breaks.clone(),
                            refusal: self.break_refusal.clone(),
                            cores: shown.scenario.host.topology.cpus() as u16,
                            core: self.core,
                            send: send(),
                        }) }
                        { part(Branches {
                            tree: session.tree.clone(),
                            by_hand: self.choice.by_hand,
                            offers: session.offers(),
                            send: send(),
                        }) }
                        </div>
                        </div>
                        { part(Differ { paths: paths(), aspects: shown.aspects.clone() }) }
                        { part(BreakIt {
                            shown: self.break_it.shown.clone(),
                            proofs: crate::proofs::of(session),
                            paths: paths(),
                            plays: session.script.is_some(),
                            later: self.later.clone(),
                            send: send(),
                        }) }
                        { part(Measure {
                            shown: self.measure.shown.clone(),
                            costs: shown.scenario.costs.own.as_ref().map(|own| own.source.clone().into()),
                            later: self.later.clone(),
                            send: send(),
                        }) }
                        <Board scenario={shown.scenario.clone()} unused={shown.unused.clone()} send={send()} />
                        { part(Knobs {
                            open: self.knobs.open,
                            scenario: shown.scenario.clone(),
                            baseline: shown.baseline.clone(),
                            vcpu,
                            words: self.knobs.words.clone(),
                            refusal: self.knobs.refusal.clone(),
                            rules: self.knobs.rules.clone(),
                            unused: shown.unused.clone(),
                            later: self.later.clone(),
                            send: send(),
                        }) }
                        { part(Recording { shown: self.recording.shown.clone(), later: self.later.clone(), send: send() }) }
                        { part(Export { saved: self.recording.shown.saved.clone(), later: self.later.clone(), send: send() }) }
                    </div>
                    <aside class="column" aria-label="State and costs">
                        { part(Descriptor {
                            vcpu,
                            vcpus,
                            paths: paths(),
                            rows: shown.descriptor.clone(),
                            data: shown.data.clone(),
                            grid: shown.grid.clone(),
                            grid_path: self.choice.grid_path,
                            avic: shown.avic,
                            picture: self.choice.picture,
                            send: send(),
                        }) }
                        { part(Ledger { paths: paths(), rows: shown.ledger.clone(), cost_set: shown.scenario.costs.set.clone().into(), later: self.later.clone(), send: send() }) }
                        { part(Registers { vcpu, paths: paths(), rows: shown.timer.clone(), send: send() }) }
                        { part(Queues { later: self.later.clone(), open: self.choice.queues.is_some(), paths: paths(), rows: shown.queues.clone(), more: shown.more_queues, send: send() }) }
                    </aside>
                    { part(Definition { term: self.defined.term.clone(), glossary: self.defined.glossary.clone() }) }
                </main>
                { part(Help) }
                { part(AllTerms { words: self.defined.words.clone(), glossary: self.defined.glossary.clone(), send: send() }) }
                <p class="unseen" role="status" aria-live="polite" data-testid="announce">{ self.spoken.clone() }</p>
            </>
        }
    }
}
