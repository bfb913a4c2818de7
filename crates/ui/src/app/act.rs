//! What commands and messages do to the page's state.

use super::{App, Msg, QUIET_MS, SPEED, SPOKEN_SPEED, element};
use crate::compare::{self, Edit};
use crate::keys::Command;
use crate::session::{Move, Session};
use crate::view::help;
use crate::view::transport::SPEEDS;
use apic_core::units::VcpuId;
use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::JsCast;
use wasm_bridge::browser;
use web_sys::{HtmlDialogElement, HtmlElement};
use yew::prelude::*;

impl App {
    pub(super) fn command(&mut self, ctx: &Context<Self>, command: Command) -> bool {
        match command {
            Command::Hand | Command::Run(_) if self.held() => {
                self.hint = Some(HELD.into());
                true
            }
            Command::Move(to) => {
                self.playing = None;
                let moved = self.go(ctx, to);
                if !moved {
                    self.hint = Some(if self.held() { HELD } else { nowhere(to) }.into());
                }
                true
            }
            Command::PlayPause if self.playing.is_some() => std::mem::take(&mut self.playing).is_some(),
            Command::PlayPause => {
                if self.session.lockstep.position() == self.session.lockstep.len() {
                    self.go(ctx, Move::Start);
                }
                self.play(ctx);
                true
            }
            Command::Faster => self.set_speed(ctx, self.speed + 1),
            Command::Slower => self.set_speed(ctx, self.speed.saturating_sub(1)),
            Command::Vcpu(vcpu) => {
                let known = self.session.select(VcpuId(vcpu));
                if known {
                    self.shown.look_up(&self.session, self.choice);
                    self.spoken = format!("vCPU {vcpu} selected.").into();
                    self.address.write(&self.session);
                }
                known
            }
            Command::Run(forward) => self.run_to(ctx, forward),
            Command::Hand => self.by_hand(),
            Command::Glossary => self.all_terms(ctx),
            Command::Undo => self.turn(ctx, true),
            Command::Redo => self.turn(ctx, false),
            Command::Help => {
                let dialog = element(help::DIALOG).and_then(|e| e.dyn_into::<HtmlDialogElement>().ok());
                if let Some(dialog) = dialog.filter(|d| !d.open()) {
                    let _refused = dialog.show_modal();
                }
                false
            }
        }
    }

    /// To another moment of the run; `false` if there is no such moment.
    pub(super) fn go(&mut self, ctx: &Context<Self>, to: Move) -> bool {
        if !self.session.go(to) {
            return false;
        }
        self.hint = None;
        self.shown.moved(&self.session, self.choice);
        self.moved(ctx);
        true
    }

    /// The address follows and the sentence is announced when it has been quiet for a moment.
    pub(super) fn moved(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.quiet = Some(Timeout::new(QUIET_MS, move || link.send_message(Msg::Quiet)));
    }

    /// It has been quiet. Never a torrent of words while playing.
    pub(super) fn quiet(&mut self) -> bool {
        self.quiet = None;
        self.address.write(&self.session);
        let speaks = self.playing.is_none() || SPEEDS[self.speed] <= SPOKEN_SPEED;
        if speaks {
            self.spoken = self.shown.said.text().into();
        }
        speaks
    }

    pub(super) fn set_speed(&mut self, ctx: &Context<Self>, speed: usize) -> bool {
        self.speed = speed.min(SPEEDS.len() - 1);
        browser::store(SPEED, &self.speed.to_string());
        if self.playing.is_some() {
            self.play(ctx);
        }
        true
    }

    pub(super) fn play(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.hint = None;
        self.playing = Some(Interval::new(1_000 / SPEEDS[self.speed], move || link.send_message(Msg::Play)));
    }

    pub(super) fn replace(&mut self, ctx: &Context<Self>, session: Session) {
        self.session.replaced_by(session);
        self.choice.grid_path = self.session.lockstep.paths().len().saturating_sub(1);
        self.notice = None;
        self.rerun(ctx);
    }

    /// Compares something else, or says why not.
    pub(super) fn compare(&mut self, ctx: &Context<Self>, edit: Edit) -> bool {
        let wanted = compare::apply(self.session.lockstep.scenario(), &self.session.compare, edit);
        self.address.write(&self.session);
        if let Err(error) = self.session.compare(wanted) {
            let text = format!("Refused, nothing has changed: {}", compare::why(&error));
            self.compare_refusal = Some(text.into());
            return true;
        }
        self.rerun(ctx);
        self.address.push(&self.session);
        true
    }

    pub(super) fn refuse(&mut self, reason: &str) -> bool {
        self.notice = Some(refused(reason));
        true
    }

    pub(super) fn address_changed(&mut self, ctx: &Context<Self>) -> bool {
        let fragment = browser::fragment();
        if self.address.is_ours(&fragment) {
            return false;
        }
        if self.lesson_of(ctx, &fragment) {
            return true;
        }
        match Session::of_fragment(&fragment) {
            Ok(session) => {
                self.leave_lesson();
                self.replace(ctx, session);
                self.address.write(&self.session);
                true
            }
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    /// The stages are drawn for the width they have, in steps that spare redrawing while a window is dragged.
    pub(super) fn resized(&mut self) -> bool {
        let Some(column) = self.stages.cast::<HtmlElement>() else { return false };
        // A card's padding and border on both sides.
        let inside = column.query_selector(".stage-place").ok().flatten().map_or(0, |e| e.client_width());
        let width = inside.clamp(280, 1_600).cast_unsigned() / 4 * 4;
        if width == self.choice.width {
            return false;
        }
        self.choice.width = width;
        self.shown.draw(&self.session.lockstep, self.choice);
        true
    }
}

/// Why the run does not go on while a question is open.
const HELD: &str = "Answer the question first, or pass it over.";

pub(super) fn refused(reason: &str) -> AttrValue {
    format!("Not followed: {reason}. What is shown has not changed.").into()
}

/// The same for the address that the page was opened with.
pub(super) fn refused_at_start(reason: &str) -> AttrValue {
    format!("Not followed: {reason}. The first scenario is shown instead; the address stays as it is until you move.")
        .into()
}

/// Why a command went nowhere.
fn nowhere(to: Move) -> &'static str {
    match to {
        Move::Start | Move::Back => "This is the start.",
        Move::Step | Move::End => "This is the end.",
        Move::NextExpiry => "No later expiry.",
        Move::PreviousExpiry => "No earlier expiry.",
        Move::NextExit => "No later exit.",
        Move::To(_) => "",
    }
}
