//! Lessons: each asks for a prediction before it shows what happens, and ends with something to do.
//!
//! ```text
//! static/lessons/*.toml ──► read ──► Lesson ──► page, offline pages
//!                            │
//!                          check ──► what is wrong in it: its answers are the model's, or it is refused
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `figure` | what a run adds up to, by name: what answers and goals are about |
//! | `goal` | what a figure must be |
//! | `place` | a step of a path, by its rule |
//! | `lesson` | a lesson as the page has it |
//! | `packed` | lessons as files that the page fetches |
//! | `document` | the same as its author writes it |
//! | `read` | from the one to the other: answers come from the model |
//! | `inventory` | questions on what is commonly believed |
//!
//! A right answer is never written down where the model can give it: a number is a figure of the lesson's run, a core is where
//! one of its steps happens, a vector is what that step sets. Where a choice is words, the lesson names figures that make it
//! right, and they are checked.

#[cfg(feature = "text")]
mod document;
mod figure;
mod goal;
#[cfg(feature = "text")]
pub mod inventory;
mod lesson;
#[cfg(feature = "text")]
mod markdown;
pub mod packed;
mod place;
#[cfg(feature = "text")]
mod read;

pub use figure::{Figure, Value};
pub use goal::{Bound, Goal};
pub use lesson::{Answer, Choice, Heading, Lesson, Part, Stop, Task};
pub use place::Place;
#[cfg(feature = "text")]
pub use read::{LessonError, Wrong, read};
