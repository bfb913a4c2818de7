//! Which key asks for what. Pure: the page passes in what was pressed and what has the focus.

use crate::session::Move;

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Move(Move),
    PlayPause,
    Faster,
    Slower,
    /// Select the vCPU with this number.
    Vcpu(u16),
    /// Offer every step that can be taken, or let the clock choose again.
    Hand,
    Undo,
    Redo,
    /// On to the next breakpoint, or back to the one before.
    Run(bool),
    Help,
    Glossary,
}

/// What has the focus, as far as keys of its own are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Focus {
    /// Nothing that wants keys.
    Page,
    /// A field that is typed into, a select (it finds entries by letter), an open dialog.
    Typing,
    /// A button, a link, a summary: Space and Enter press it.
    Pressable,
    /// The scrubber, a group of radio buttons: arrows, Home, End and Space are its own.
    Arrows,
}

impl Focus {
    /// By the focused element's tag (lower case) and, for `input`, its type.
    pub(crate) fn of(tag: &str, input_type: &str) -> Self {
        match (tag, input_type) {
            ("input", "range" | "radio" | "checkbox") => Self::Arrows,
            ("input" | "select" | "textarea" | "dialog", _) => Self::Typing,
            ("button" | "a" | "summary", _) => Self::Pressable,
            _ => Self::Page,
        }
    }
}

/// A key with its modifiers; `other` is Ctrl, Alt or Meta, whose shortcuts are the browser's but for undo and redo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Press<'a> {
    pub(crate) key: &'a str,
    pub(crate) shift: bool,
    pub(crate) other: bool,
}

/// What the key asks for, unless it belongs to the browser or to what has the focus.
pub(crate) fn command(press: Press, focus: Focus) -> Option<Command> {
    if focus == Focus::Typing {
        return None;
    }
    if press.other {
        return match press.key {
            "z" => Some(Command::Undo),
            "Z" | "y" => Some(Command::Redo),
            _ => None,
        };
    }
    let own = match focus {
        Focus::Pressable => press.key == " ",
        Focus::Arrows => !press.shift && matches!(press.key, "ArrowRight" | "ArrowLeft" | "Home" | "End" | " "),
        Focus::Page | Focus::Typing => false,
    };
    if own {
        return None;
    }
    Some(match press.key {
        "ArrowRight" if press.shift => Command::Move(Move::NextExpiry),
        "ArrowLeft" if press.shift => Command::Move(Move::PreviousExpiry),
        "ArrowRight" | "l" => Command::Move(Move::Step),
        "ArrowLeft" => Command::Move(Move::Back),
        "e" | "E" => Command::Move(Move::NextExit),
        "Home" => Command::Move(Move::Start),
        "End" => Command::Move(Move::End),
        " " => Command::PlayPause,
        "]" => Command::Faster,
        "[" => Command::Slower,
        "b" => Command::Run(true),
        "B" => Command::Run(false),
        "h" | "H" => Command::Hand,
        "g" | "G" => Command::Glossary,
        "?" => Command::Help,
        key => {
            let mut chars = key.chars();
            let digit = chars.next().filter(|_| chars.next().is_none())?.to_digit(10)?;
            Command::Vcpu(u16::try_from(digit.checked_sub(1)?).ok()?)
        }
    })
}

/// The table that the help shows, in its order.
pub(crate) const HELP: &[(&[&str], &str)] = &[
    (&["→", "l"], "one step forward"),
    (&["←"], "one step back"),
    (&["Shift", "→"], "to the next expiry"),
    (&["Shift", "←"], "to the expiry before"),
    (&["E"], "to the next exit"),
    (&["Home"], "to the start"),
    (&["End"], "to the end"),
    (&["Space"], "play or pause"),
    (&["["], "play slower"),
    (&["]"], "play faster"),
    (&["1", "…", "9"], "select vCPU 0 … 8"),
    (&["B"], "on to the next breakpoint"),
    (&["Shift", "B"], "back to the breakpoint before"),
    (&["H"], "play by hand: pick who moves"),
    (&["Ctrl", "Z"], "undo"),
    (&["Ctrl", "Shift", "Z"], "redo"),
    (&["G"], "the glossary: every register, field and term"),
    (&["?"], "this help"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, shift: bool, focus: Focus, expect: Option<Command>) {
        assert_eq!(command(Press { key, shift, other: false }, focus), expect, "{key}");
    }

    #[test]
    fn keys_on_the_page() {
        check("ArrowRight", false, Focus::Page, Some(Command::Move(Move::Step)));
        check("ArrowRight", true, Focus::Page, Some(Command::Move(Move::NextExpiry)));
        check("l", false, Focus::Page, Some(Command::Move(Move::Step)));
        check(" ", false, Focus::Page, Some(Command::PlayPause));
        check("1", false, Focus::Page, Some(Command::Vcpu(0)));
        check("9", false, Focus::Page, Some(Command::Vcpu(8)));
        check("0", false, Focus::Page, None);
        check("F1", false, Focus::Page, None);
        check("h", false, Focus::Page, Some(Command::Hand));
        check("?", true, Focus::Page, Some(Command::Help));
    }

    #[test]
    fn typing_is_never_disturbed() {
        for (keys, _) in HELP {
            for key in *keys {
                check(key, false, Focus::Typing, None);
            }
        }
        check("e", false, Focus::of("select", ""), None);
        check("5", false, Focus::of("input", "number"), None);
    }

    #[test]
    fn what_has_the_focus_keeps_its_own_keys() {
        check(" ", false, Focus::of("button", ""), None);
        check("ArrowRight", false, Focus::of("button", ""), Some(Command::Move(Move::Step)));
        check("ArrowRight", false, Focus::of("input", "range"), None);
        check("ArrowRight", true, Focus::of("input", "range"), Some(Command::Move(Move::NextExpiry)));
        check("e", false, Focus::of("input", "range"), Some(Command::Move(Move::NextExit)));
        check("Home", false, Focus::of("input", "radio"), None);
    }

    #[test]
    fn the_browsers_own_shortcuts_stay_its_own() {
        let press = Press { key: "l", shift: false, other: true };
        assert_eq!(command(press, Focus::Page), None);
        for (key, expect) in [("z", Command::Undo), ("Z", Command::Redo), ("y", Command::Redo)] {
            let press = Press { key, shift: key == "Z", other: true };
            assert_eq!(command(press, Focus::Page), Some(expect));
            assert_eq!(command(press, Focus::Typing), None, "a field has its own");
        }
    }
}
