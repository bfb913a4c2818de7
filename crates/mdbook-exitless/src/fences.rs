//! Fenced blocks of a chapter, as CommonMark delimits them. Blocks inside other blocks are text, and stay.

use crate::Error;
use crate::figure::{Place, figure};

/// What opens a block: its character, how many, and what stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

fn fence(line: &str) -> Option<Fence<'_>> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = text.trim_start_matches(mark);
    let length = text.len() - info.len();
    let indented = line.len() - text.len() > 3;
    (length >= 3 && !indented && !(mark == '`' && info.contains('`'))).then(|| Fence {
        mark,
        length,
        info: info.trim(),
    })
}

/// The chapter with each block `exitless` replaced by its figure.
pub(crate) fn replaced(content: &str, place: &Place) -> Result<String, Error> {
    let mut out = String::with_capacity(content.len());
    let mut open: Option<(Fence, usize)> = None;
    let mut block = String::new();
    let mut figures = 0;
    for (number, line) in content.lines().enumerate() {
        let ours = open.is_some_and(|(fence, _)| fence.info == "exitless");
        let closes = |now: Fence| {
            open.is_some_and(|(was, _)| now.info.is_empty() && now.mark == was.mark && now.length >= was.length)
        };
        match (open, fence(line)) {
            (None, Some(now)) => open = Some((now, number + 1)),
            (Some((_, start)), Some(now)) if closes(now) => {
                if ours {
                    let problem = |problem| Error::Block { chapter: place.chapter.to_owned(), line: start, problem };
                    out.push_str(&figure(&block, place, figures == 0).map_err(problem)?);
                    block.clear();
                    figures += 1;
                    open = None;
                    continue;
                }
                open = None;
            }
            _ => {}
        }
        let kept = if open.is_some_and(|(fence, _)| fence.info == "exitless") {
            if ours {
                &mut block
            } else {
                continue;
            }
        } else {
            &mut out
        };
        kept.push_str(line);
        kept.push('\n');
    }
    match open {
        Some((fence, line)) if fence.info == "exitless" => {
            let problem = "this block is not closed; it ends with ``` on a line of its own".to_owned();
            Err(Error::Block { chapter: place.chapter.to_owned(), line, problem })
        }
        _ => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Renderer;

    const PLACE: Place = Place { chapter: "a.md", site: "exitless/", renderer: Renderer::Other };

    #[track_caller]
    fn check(content: &str, figures: usize) {
        let out = replaced(content, &PLACE).expect("blocks that can be drawn");
        assert_eq!(out.matches("data:image/svg+xml").count(), figures, "{out}");
        if figures == 0 {
            assert_eq!(out, content);
        }
    }

    #[test]
    fn blocks_are_found_where_commonmark_has_them() {
        check("a\n```exitless\npreset = \"amd-avic\"\n```\nb\n", 1);
        check("~~~ exitless\n~~~\n\n```exitless\n```\n", 2);
        check("````markdown\n```exitless\n```\n````\n", 0);
        check("    ```exitless\n", 0);
        check("```rust\nexitless\n```\n", 0);
    }

    #[test]
    fn a_block_that_is_not_closed_is_named() {
        let error = replaced("a\n```exitless\npreset = \"amd-avic\"\n", &PLACE).expect_err("no end").to_string();
        assert!(error.starts_with("a.md, line 2: this block is not closed"), "{error}");
    }
}
