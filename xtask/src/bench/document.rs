//! The document that figures are written into: each part between two marks, the words around them stay.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// Puts `figures` where the file keeps those called `name`.
pub(crate) fn replace(file: &Path, name: &str, figures: &str) -> Result<(), Error> {
    let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
    let text = spliced(&text, name, figures).ok_or_else(|| {
        let [begin, end] = marks(name);
        Error::Unexpected { what: file.display().to_string(), detail: format!("it should have {begin} and {end}") }
    })?;
    fs::write(file, text).map_err(Error::file("write", file))
}

fn marks(name: &str) -> [String; 2] {
    [format!("<!-- {name}: written by cargo xtask bench --write -->"), format!("<!-- end of {name} -->")]
}

fn spliced(text: &str, name: &str, figures: &str) -> Option<String> {
    let [begin, end] = marks(name);
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", figures.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{marks, spliced};
    use crate::places::Places;

    #[test]
    fn figures_replace_figures_and_nothing_else() {
        let [begin, end] = marks("peers");
        let old = format!("words\n\n{begin}\nold\n{end}\nmore\n");
        let new = spliced(&old, "peers", "new\n").expect("it has the marks");
        assert_eq!(new, format!("words\n\n{begin}\nnew\n{end}\nmore\n"));
        assert_eq!(spliced(&new, "peers", "new"), Some(new.clone()));
        assert_eq!(spliced(&old, "machine", "new"), None);
    }

    #[test]
    fn the_document_has_a_place_for_every_part() {
        let file = Places::find().expect("a checkout").root.join(super::super::DOCUMENT);
        let text = std::fs::read_to_string(file).expect("it is there");
        for name in ["machine", "peers", "recordings"] {
            let now = spliced(&text, name, "x");
            assert!(now.is_some_and(|now| now != text), "{name}");
        }
    }
}
