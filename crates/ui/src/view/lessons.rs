//! The list of lessons, and the lesson that is gone through.

use super::event::field;
use super::part::{Draw, Send};
use super::raw::Raw;
use crate::app::Msg;
use crate::app::lessons::{Ask, Lessons};
use crate::course::{Course, Guess, Outcome, Standing, right};
use crate::later::{Here, behind};
use apic_core::units::{CpuId, Vector};
use lesson::{Answer, Stop, Task};
use yew::prelude::*;

/// The panel.
#[derive(PartialEq)]
pub(crate) struct LessonPanel {
    pub(crate) lessons: Lessons,
    /// Nothing is shown before.
    pub(crate) here: Option<Here>,
    pub(crate) send: Send,
}

impl Draw for LessonPanel {
    fn draw(&self) -> Html {
        let failure = self
            .lessons
            .failure
            .clone()
            .map(|text| html! { <p class="refusal" data-testid="lesson-failure">{ text }</p> });
        html! {
            <div class="lessons">
                <div role="alert">{ failure }</div>
                <div>{ self.here.map(|here| behind(here, || self.shown())) }</div>
            </div>
        }
    }
}

impl LessonPanel {
    fn ask(&self, ask: impl Fn() -> Ask + 'static) -> Callback<MouseEvent> {
        self.send.reform(move |_| Msg::Lesson(ask()))
    }

    fn shown(&self) -> Html {
        html! {
            <>
                if self.lessons.listed { { self.list() } }
                { for self.lessons.course.as_deref().map(|course| self.course(course)) }
            </>
        }
    }

    fn list(&self) -> Html {
        let line = |heading: &lesson::Heading| {
            let (name, parts) = (heading.name.clone(), heading.parts);
            let done = self.lessons.parts_done(&name);
            html! {
                <li>
                    <button class="quiet" data-testid={format!("lesson-{name}")} onclick={self.ask(move || Ask::Open(name.clone(), 0))}>{ &heading.title }</button>
                    <p>{ &heading.about }{ " " }<span class="aside">
                        { format!("About {} minutes.", heading.minutes) }
                        if done > 0 { { format!(" {done} of {parts} parts done.") } }
                    </span></p>
                </li>
            }
        };
        html! {
            <section class="card" aria-labelledby="lessons-title" data-testid="lesson-list">
                <h2 id="lessons-title" class="panel">{ "Lessons" }</h2>
                <ol start="0">{ for self.lessons.contents.iter().flat_map(|all| all.iter()).map(line) }</ol>
            </section>
        }
    }

    fn course(&self, course: &Course) -> Html {
        let (lesson, parts) = (&course.lesson, course.lesson.parts.len());
        let Some(part) = course.here() else { return Html::default() };
        let here = course.part;
        let dot = |i: usize| {
            let label = format!("Part {} of {parts}: {}", i + 1, lesson.parts[i].title);
            let done = course.outcomes.get(i).is_some_and(|outcome| *outcome != Outcome::Open);
            html! {
                <button data-testid={format!("part-{}", i + 1)} aria-current={(i == here).then_some("step")} aria-label={label}
                    onclick={self.ask(move || Ask::Part(i))}>{ i + 1 }if done { <span aria-hidden="true">{ " ✓" }</span><span class="unseen">{ ", done" }</span> }</button>
            }
        };
        let task = match &part.task {
            Task::Watch { stops } => self.watch(course, stops),
            Task::Predict { ask, answer, explain, .. } => self.predict(course, ask, answer, explain),
            Task::Try { ask, hint, .. } => self.attempt(course, ask, hint),
        };
        let next = (here + 1 < parts).then(|| {
            html! { <button data-testid="next-part" onclick={self.ask(move || Ask::Part(here + 1))}>{ "Next part" }</button> }
        });
        html! {
            <section class="card lesson" aria-labelledby="lesson-title" data-testid="lesson" data-part={(here + 1).to_string()}>
                <div class="lesson-head">
                    <h2 id="lesson-title" class="panel">{ format!("Lesson {}: {}", lesson.number, lesson.title) }</h2>
                    <nav aria-label="Parts of the lesson">{ for (0..parts).map(dot) }</nav>
                    <button class="quiet" data-testid="leave-lesson" onclick={self.ask(|| Ask::Leave)}>{ "Leave the lesson" }</button>
                </div>
                <h3>{ &part.title }</h3>
                <Raw class="prose" markup={part.text.clone()} />
                { task }
                if course.outcome() != Outcome::Open { <p class="row-of-buttons">{ next }</p> }
            </section>
        }
    }

    fn watch(&self, course: &Course, stops: &[Stop]) -> Html {
        let (stop, last) = (course.stop, stops.len().saturating_sub(1));
        let says = stops.get(stop).map(|stop| stop.says.clone()).unwrap_or_default();
        html! {
            <>
                <div class="moment" aria-live="polite" data-testid="moment"><b>{ format!("Moment {} of {}. ", stop + 1, stops.len()) }</b><Raw class="prose" markup={says} /></div>
                <p class="row-of-buttons">
                    <button data-testid="moment-back" disabled={stop == 0} onclick={self.ask(move || Ask::Stop(stop.saturating_sub(1)))}>{ "Moment before" }</button>
                    <button data-testid="moment-on" disabled={stop == last} onclick={self.ask(move || Ask::Stop((stop + 1).min(last)))}>{ "Next moment" }</button>
                </p>
            </>
        }
    }

    fn predict(&self, course: &Course, ask: &str, answer: &Answer, explain: &str) -> Html {
        let given = match course.outcome() {
            Outcome::Answered(guess) => Some(guess),
            Outcome::Open => {
                let refusal = self.lessons.refusal.clone();
                return html! {
                    <form class="question" data-testid="question" onsubmit={self.send.reform(|e: SubmitEvent| { e.prevent_default(); Msg::Lesson(Ask::Answer) })}>
                        <Raw class="prose ask" markup={ask.to_owned()} />
                        { self.answers(course, answer) }
                        <div role="alert">{ for refusal.map(|text| html! { <p class="refusal" id="answer-refusal" data-testid="answer-refusal">{ text }</p> }) }</div>
                        <p class="row-of-buttons">
                            <button data-testid="answer">{ "This is my answer" }</button>
                            <button type="button" class="quiet" data-testid="pass-over" onclick={self.ask(|| Ask::Skip)}>{ "Pass over and show me" }</button>
                        </p>
                        <p class="aside">{ "What comes after this moment is hidden until then." }</p>
                    </form>
                };
            }
            Outcome::Skipped | Outcome::Done => None,
        };
        let verdict = given.map_or("You passed the question over.", |guess| {
            if guess.is_right(answer) { "You were right." } else { "The model says otherwise." }
        });
        let because = match (given, answer) {
            (Some(Guess::Choice(i)), Answer::Choice { choices, .. }) => {
                choices.get(i).map(|choice| choice.because.clone())
            }
            _ => None,
        };
        html! {
            <div class="outcome" aria-live="polite" data-testid="outcome" data-right={given.map(|guess| guess.is_right(answer).to_string())}>
                <Raw class="prose ask" markup={ask.to_owned()} />
                <p><b>{ verdict }</b></p>
                <dl>
                    { for given.map(|guess| html! { <><dt>{ "You said" }</dt><dd data-testid="you-said">{ guess.words(answer) }{ for because.map(|markup| html! { <Raw class="prose" {markup} /> }) }</dd></> }) }
                    <dt>{ "In the model" }</dt><dd data-testid="model-says">{ right(answer) }</dd>
                </dl>
                <Raw class="prose" markup={explain.to_owned()} />
            </div>
        }
    }

    fn answers(&self, course: &Course, answer: &Answer) -> Html {
        let radio = |guess: Guess, text: String, testid: String| {
            let onchange = self.send.reform(move |_: Event| Msg::Lesson(Ask::Mark(guess)));
            html! {
                <label class="choice"><input type="radio" name="answer" checked={course.marked == Some(guess)} data-testid={testid} {onchange} />{ " " }{ text }</label>
            }
        };
        match answer {
            Answer::Choice { choices, .. } => html! {
                <fieldset><legend class="unseen">{ "Answers" }</legend>
                    { for choices.iter().enumerate().map(|(i, choice)| radio(Guess::Choice(i), choice.says.clone(), format!("choice-{i}"))) }
                </fieldset>
            },
            Answer::Core { cores, .. } => html! {
                <fieldset class="cores"><legend class="unseen">{ "Cores" }</legend>
                    { for (0..*cores as u16).map(|c| radio(Guess::Core(CpuId(c)), format!("core {c}"), format!("answer-core-{c}"))) }
                </fieldset>
            },
            Answer::Number { of, .. } => {
                let oninput = self
                    .send
                    .reform(|e: InputEvent| Msg::Lesson(Ask::Type(field(&e).map(|f| f.value()).unwrap_or_default())));
                html! {
                    <label class="number"><input inputmode="decimal" autocomplete="off" size="6" data-testid="answer-number" aria-invalid={self.lessons.refusal.is_some().to_string()}
                        aria-describedby={self.lessons.refusal.is_some().then_some("answer-refusal")} {oninput} />{ " " }{ of }</label>
                }
            }
            Answer::Cell { .. } => self.cells(course),
        }
    }

    /// The 256 bits of PIR, one row per priority class, 15 on top: as they stand in the grid beside the stage.
    fn cells(&self, course: &Course) -> Html {
        let marked = match course.marked {
            Some(Guess::Cell(vector)) => Some(vector),
            _ => None,
        };
        let focus = marked.map_or(0xf0, Vector::number);
        let cell = |n: u8| {
            let vector = Vector::new(n);
            let is = marked == Some(vector);
            html! {
                <td><button type="button" tabindex={if n == focus { "0" } else { "-1" }} aria-pressed={is.to_string()} aria-label={format!("vector {vector}")}
                    data-testid={format!("cell-{n:02x}")} data-cell={n.to_string()} onclick={self.ask(move || Ask::Mark(Guess::Cell(vector)))}>{ if is { "■" } else { "" } }</button></td>
            }
        };
        let row = |high: u8| html! { <tr><th scope="row">{ format!("0x{high:x}_") }</th>{ for (0..16).map(|low| cell(high << 4 | low)) }</tr> };
        let send = self.send.clone();
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            let by: i16 = match event.key().as_str() {
                "ArrowRight" => 1,
                "ArrowLeft" => -1,
                "ArrowUp" => 16,
                "ArrowDown" => -16,
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            if let Ok(next) = u8::try_from(i16::from(focus) + by) {
                send.emit(Msg::Lesson(Ask::Mark(Guess::Cell(Vector::new(next)))));
                focus_cell(&event, next);
            }
        });
        let columns = (0..16).map(|low| html! { <th scope="col">{ format!("{low:x}") }</th> });
        html! {
            <div class="scroll-x" {onkeydown}>
                <table class="paint"><caption>{ "PIR: " }{ marked.map_or("no bit painted".to_owned(), |v| format!("bit {v} painted")) }</caption>
                    <thead><tr><td></td>{ for columns }</tr></thead>
                    <tbody>{ for (0..16).rev().map(row) }</tbody>
                </table>
            </div>
        }
    }

    fn attempt(&self, course: &Course, ask: &str, hint: &str) -> Html {
        let done = course.outcome() == Outcome::Done;
        let goals = course.figures.len();
        let line = |(i, (goal, figure)): (usize, &Standing)| {
            let met = figure.is_some_and(|(_, met)| met);
            let (value, mark) =
                (figure.map_or("–".to_owned(), |(value, _)| value.to_string()), if met { "✓ met" } else { "not yet" });
            html! {
                <tr data-testid={format!("goal-{i}")} data-met={met.to_string()}>
                    <th scope="row">{ words(goal.figure) }{ ", " }{ goal.path.title() }</th><td>{ goal.bound.to_string() }</td><td>{ value }</td><td>{ mark }</td>
                </tr>
            }
        };
        html! {
            <div class="attempt">
                <Raw class="prose ask" markup={ask.to_owned()} />
                <table class="fields" data-testid="goals"><thead><tr><td></td><th scope="col">{ "wanted" }</th><th scope="col">{ "now" }</th><th scope="col"><span class="unseen">{ "met" }</span></th></tr></thead>
                    <tbody>{ for course.figures.iter().enumerate().take(goals).map(line) }</tbody></table>
                <p aria-live="polite" data-testid="goal-state">{ if done { "The goal is met." } else { "Change the scenario below: the figures follow." } }</p>
                if course.hint { <Raw class="prose hint" markup={hint.to_owned()} /> }
                <p class="row-of-buttons">
                    <button class="quiet" data-testid="hint" disabled={course.hint} onclick={self.ask(|| Ask::Hint)}>{ "Hint" }</button>
                    <button class="quiet" data-testid="solution" onclick={self.ask(|| Ask::Solution)}>{ "Show a solution" }</button>
                    <button class="quiet" data-testid="again" onclick={self.ask(|| Ask::Again)}>{ "Start this part again" }</button>
                </p>
            </div>
        }
    }
}

/// The name of a figure for people.
fn words(figure: lesson::Figure) -> &'static str {
    use lesson::Figure as F;
    match figure {
        F::Exits => "exits for the timer",
        F::ExitsArming => "exits while arming",
        F::ExitsFiring => "exits while firing",
        F::ExitsEoi => "exits at EOI",
        F::ExitsOther => "other exits",
        F::ExitsPerTick => "exits for each tick",
        F::IpisSent => "IPIs sent",
        F::IpisNotNeeded => "IPIs not needed",
        F::Handlers => "handlers",
        F::GuestTimeLost => "guest time lost, in ns",
        F::HousekeeperTime => "housekeeper time, in ns",
        F::LatencyMax => "latest handler after its deadline, in ns",
        F::LatencyMin => "earliest handler after its deadline, in ns",
        F::DevicePosts => "device interrupts",
        F::DeviceNotifications => "notified by VT-d",
        F::Housekeepers => "housekeepers",
        F::Vcpus => "vCPUs",
    }
}

/// Gives the focus to a cell of the same table.
fn focus_cell(event: &KeyboardEvent, cell: u8) {
    use wasm_bindgen::JsCast;
    let table =
        event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()).and_then(|e| e.closest("table").ok()?);
    let cell = table.and_then(|t| t.query_selector(&format!("[data-cell=\"{cell}\"]")).ok()?);
    if let Some(cell) = cell.and_then(|c| c.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _refused = cell.focus();
    }
}
