//! The page's side of the lab: one worker, to which it sends bytes and from which it hears them.

use super::{FromLab, NotAMessage, ToLab, decode, encode};
use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, Event, ImageBitmap, MessageEvent, Worker};

/// What a worker lets its page hear.
#[derive(Debug)]
pub enum Heard {
    /// A message, and the pixels that came with it.
    Said(FromLab, Option<ImageBitmap>),
    /// Bytes that this build cannot read.
    NotUnderstood(NotAMessage),
    /// It did not start, or it stopped by itself; what the browser says about it, which may be nothing.
    Stopped(String),
}

/// A worker; dropping it ends it, whatever it is doing.
#[derive(Debug)]
pub struct Client {
    worker: Worker,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Client {
    /// Starts a worker. Whether its program is there is heard later.
    ///
    /// # Errors
    /// What the browser says if it has no workers for this page.
    pub fn start(address: &str, heard: impl Fn(Heard) + Clone + 'static) -> Result<Self, String> {
        let worker = Worker::new(address).map_err(|e| words(&e))?;
        let hear = heard.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| hear(read(&event.data())));
        let error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // A script that cannot be loaded is an event without words.
            event.prevent_default();
            heard(Heard::Stopped(event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default()));
        });
        worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(error.as_ref().unchecked_ref()));
        Ok(Self { worker, _message: message, _error: error })
    }

    /// Sends a message, with a file beside it if there is one: the worker reads it itself, a piece at a time.
    pub fn send(&self, message: &ToLab, file: Option<&JsValue>) {
        let bytes = Uint8Array::from(encode(message).as_slice());
        let message = js_sys::Array::of2(&bytes, file.unwrap_or(&JsValue::UNDEFINED));
        // A worker that has ended hears nothing, and says nothing either.
        let _refused = self.worker.post_message(&message);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// Bytes, or a list of bytes and pixels; a text says why the worker cannot work.
fn read(data: &JsValue) -> Heard {
    if let Some(why) = data.as_string() {
        return Heard::Stopped(why);
    }
    let list = data.dyn_ref::<js_sys::Array>();
    let pixels = list.and_then(|list| list.get(1).dyn_into::<ImageBitmap>().ok());
    let bytes = list.map_or_else(|| data.clone(), |list| list.get(0));
    let bytes = bytes.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
    match decode(&bytes) {
        Ok(said) => Heard::Said(said, pixels),
        Err(why) => Heard::NotUnderstood(why),
    }
}

fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(String::new, |e| String::from(e.message()))
}
