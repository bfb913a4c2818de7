//! `mdbook-exitless`: a preprocessor for mdBook. A fenced block
//!
//! ````markdown
//! ```exitless
//! preset = "pinned-vs-offloaded"
//! caption = "One tick, two ways."
//! ```
//! ````
//!
//! becomes a figure: a picture that is in the page from the first byte, and `<exitless-stage>` around it, which steps
//! through the run where scripts run. In `book.toml`, `[preprocessor.exitless]` has `site`: where Exitless is published,
//! as an address or as a folder of the book. Renderers other than HTML get the picture and a link.
//!
//! | file | holds |
//! | --- | --- |
//! | `book.rs` | mdBook's two documents: its chapters, whatever the version's other keys are |
//! | `fences.rs` | the fenced blocks of a chapter |
//! | `figure.rs` | what a block asks for, and what it becomes |

mod book;
mod fences;
mod figure;

use std::io::{Read, Write};
use std::process::ExitCode;

/// Why a book cannot be processed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read what mdBook sends: {0}")]
    Read(std::io::Error),
    #[error("cannot answer mdBook: {0}")]
    Write(std::io::Error),
    #[error("what mdBook sends is not what mdBook 0.4 and 0.5 send: {0}")]
    Document(String),
    /// A block that cannot become a figure.
    #[error("{chapter}, line {line}: {problem}")]
    Block { chapter: String, line: usize, problem: String },
}

fn main() -> ExitCode {
    // mdBook asks `supports RENDERER` first. Every renderer is: what is no HTML gets a picture.
    if std::env::args().nth(1).as_deref() == Some("supports") {
        return ExitCode::SUCCESS;
    }
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mdbook-exitless: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Error> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(Error::Read)?;
    let answer = book::processed(&text)?;
    std::io::stdout().lock().write_all(answer.as_bytes()).map_err(Error::Write)
}
