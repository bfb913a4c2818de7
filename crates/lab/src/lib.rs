//! The lab: what takes long or is rarely needed, in a worker beside the page.
//!
//! A program of its own, loaded when it is first asked for: `static/lab-start.js` starts it in a Web Worker and hands it
//! messages ([`wasm_bridge::worker`] says which). One job at a time, in turns of some tens of milliseconds, between which
//! it hears whether it is to stop.
//!
//! | file | holds |
//! | --- | --- |
//! | `desk.rs` | the job under way: hears, works, tells |
//! | `jobs/` | a file for each job |
//! | `figure/` | what was found as plots and tables; plots drawn with plotters |

mod desk;
#[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "drawn in browsers, and in tests"))]
mod figure;
mod jobs;
mod recording;
mod words;

use desk::Desk;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bridge::worker::{FromLab, NotAMessage, VERSION, decode, encode};
#[cfg(target_family = "wasm")]
use wasm_bridge::worker::{
    ToLab,
    picture::{Canvas, Chart},
};

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = postMessage)]
    fn post_message(message: &JsValue);
    #[wasm_bindgen(js_name = postMessage)]
    fn post_with_transfer(message: &JsValue, transfer: &JsValue);
}

/// What `static/lab-start.js` drives.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Lab(Desk);

#[wasm_bindgen]
impl Lab {
    /// With nothing to do.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears a message of the page, perhaps with a file beside it; returns whether there is work.
    pub fn hear(&mut self, bytes: &[u8], file: Option<web_sys::File>) -> bool {
        match decode(bytes) {
            #[cfg(target_family = "wasm")]
            Ok(ToLab::Draw { chart, canvas }) => draw(&self.0, chart, &canvas),
            Ok(message) => {
                if let Some(answer) = self.0.hear(message, file) {
                    say(&answer);
                }
            }
            // In words: a page of another build would not understand more.
            Err(NotAMessage::OtherVersion(other)) => {
                post_message(&format!("the page speaks version {other} and the lab {VERSION}").into());
            }
            Err(NotAMessage::Damaged) => post_message(&"the page's message is damaged".into()),
        }
        self.0.is_busy()
    }

    /// Works for a moment; returns whether there is more to do.
    pub fn work(&mut self) -> bool {
        self.0.work(js_sys::Date::now, say)
    }
}

fn say(message: &FromLab) {
    post_message(&Uint8Array::from(encode(message).as_slice()));
}

/// Draws, and says so with the pixels beside it.
#[cfg(target_family = "wasm")]
fn draw(desk: &Desk, chart: Chart, canvas: &Canvas) {
    match desk.figure(chart).and_then(|figure| figure::canvas::picture(figure, canvas)) {
        Some((picture, pixels)) => {
            let bytes = Uint8Array::from(encode(&FromLab::Drawn { chart, picture: Some(picture) }).as_slice());
            let message = js_sys::Array::of2(&bytes, &pixels);
            post_with_transfer(&message, &js_sys::Array::of1(&pixels));
        }
        None => say(&FromLab::Drawn { chart, picture: None }),
    }
}
