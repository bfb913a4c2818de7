//! Colours of a figure: what each class of the stage needs, with the colours of one theme or of both.
//!
//! A file has no page around it that would bring colours. Each rule names its colours in full, because programs that
//! draw SVG outside browsers know no variables; what they do not know of the dark half, they leave out, and stay light.

/// Light, dark, or as the reader's device prefers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Theme {
    /// Light, and dark where the reader prefers it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Rules with `var(NAME)` for a colour.
const RULES: &str = include_str!("figure.css");

/// Name, light, dark.
const COLOURS: [(&str, &str, &str); 15] = [
    ("bg", "#ffffff", "#1a2029"),
    ("ink", "#1d2430", "#e8ebf0"),
    ("ink2", "#5a6473", "#9aa5b5"),
    ("line", "#dcd8cf", "#323b48"),
    ("hair", "#ebe7de", "#262e39"),
    ("guest", "#cfe4f3", "#1d3c54"),
    ("handler", "#a9cfea", "#28567a"),
    ("host", "#fbe7bd", "#54401a"),
    ("wait", "#e69f00", "#f0b840"),
    ("exit", "#c8500a", "#ff8a4c"),
    ("ipi", "#a8437f", "#e38fc0"),
    ("timer", "#007a5a", "#3fc79a"),
    ("idle", "#f1eee7", "#1e242d"),
    ("hk", "#f6efe0", "#241f17"),
    ("focus", "#0b57d0", "#8ab4f8"),
];

fn rules(colour: impl Fn(&(&'static str, &'static str, &'static str)) -> &'static str) -> String {
    let fill = |css: String, entry| css.replace(&format!("var({})", name(entry)), colour(entry));
    COLOURS.iter().fold(RULES.to_owned(), fill)
}

const fn name(entry: &(&'static str, &'static str, &'static str)) -> &'static str {
    entry.0
}

impl Theme {
    /// The style sheet of a figure.
    pub fn css(self) -> String {
        let light = || rules(|colour| colour.1);
        let dark = || rules(|colour| colour.2);
        match self {
            Self::Light => light(),
            Self::Dark => dark(),
            Self::Auto => format!("{}@media (prefers-color-scheme:dark){{\n{}}}\n", light(), dark()),
        }
    }

    /// The colour of the paper: red, green, blue. Of both themes, the light one's.
    pub const fn paper(self) -> [u8; 3] {
        match self {
            Self::Auto | Self::Light => [0xff, 0xff, 0xff],
            Self::Dark => [0x1a, 0x20, 0x29],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_is_left_open_and_every_colour_is_used() {
        for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
            assert!(!theme.css().contains("var("), "{}", theme.css());
        }
        for (name, light, dark) in COLOURS {
            assert!(RULES.contains(&format!("var({name})")), "{name}");
            assert!(Theme::Auto.css().contains(light) && Theme::Auto.css().contains(dark), "{name}");
            assert!(!Theme::Light.css().contains(dark), "{name}");
        }
    }
}
