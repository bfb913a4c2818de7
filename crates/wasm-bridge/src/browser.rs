//! What the page asks of its browser, so that a refusal is a value and never an exception.
//!
//! A sandboxed frame refuses storage, an insecure origin has no clipboard, a strict policy refuses style attributes:
//! none of that may stop the page.

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, EventTarget, Storage, Window};

fn window() -> Option<Window> {
    web_sys::window()
}

/// The fragment of the address, without its `#`.
pub fn fragment() -> String {
    let hash = window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// Whether a new fragment is a new entry of the browser's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// It takes the place of the current one: the same run, another moment.
    Replace,
    /// The back button returns from it: another scenario.
    Push,
}

/// Writes the fragment. A frame that may not is left as it is.
pub fn set_fragment(fragment: &str, entry: Entry) {
    let Some(history) = window().and_then(|w| w.history().ok()) else { return };
    let address = format!("#{fragment}");
    let _refused = match entry {
        Entry::Replace => history.replace_state_with_url(&JsValue::NULL, "", Some(&address)),
        Entry::Push => history.push_state_with_url(&JsValue::NULL, "", Some(&address)),
    };
}

/// The whole address with this fragment.
pub fn address(fragment: &str) -> String {
    let href = window().and_then(|w| w.location().href().ok()).unwrap_or_default();
    let page = href.split('#').next().unwrap_or_default();
    format!("{page}#{fragment}")
}

fn storage() -> Option<Storage> {
    window()?.local_storage().ok().flatten()
}

/// A remembered value; `None` also where storage is refused.
pub fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Remembers a value, if the browser lets us.
pub fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _refused = storage.set_item(key, value);
    }
}

/// Puts a text on the clipboard; `false` if there is none or it was refused.
pub async fn copy(text: String) -> bool {
    let Some(window) = window() else { return false };
    let navigator = window.navigator();
    // Outside secure contexts the property does not exist, and web-sys would throw.
    let there = Reflect::get(&navigator, &JsValue::from_str("clipboard")).is_ok_and(|c| c.is_object());
    if !there {
        return false;
    }
    JsFuture::from(navigator.clipboard().write_text(&text)).await.is_ok()
}

/// A table that is a JSON file of the page's own: an array of objects, of which these columns are read. `None` if it
/// cannot be loaded; a column that an object lacks is empty.
pub async fn table<const N: usize>(address: &str, columns: [&str; N]) -> Option<Vec<[String; N]>> {
    let response: web_sys::Response = JsFuture::from(window()?.fetch_with_str(address)).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let rows: js_sys::Array = JsFuture::from(response.json().ok()?).await.ok()?.dyn_into().ok()?;
    let read = |row: JsValue| {
        columns.map(|column| Reflect::get(&row, &column.into()).ok().and_then(|v| v.as_string()).unwrap_or_default())
    };
    Some(rows.iter().map(read).collect())
}

/// A file of the page's own. `None` if it cannot be loaded.
pub async fn bytes(address: &str) -> Option<Vec<u8>> {
    use wasm_bindgen_futures::JsFuture;
    let response: web_sys::Response = JsFuture::from(window()?.fetch_with_str(address)).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Loads the second part of the program, which `static/loader.js` puts beside this one.
///
/// # Errors
/// Why it is not there, in whole sentences.
pub async fn second_part() -> Result<(), String> {
    let load = window().and_then(|w| Reflect::get(&w, &JsValue::from_str("exitlessLater")).ok());
    let coming = load.and_then(|load| load.dyn_into::<js_sys::Function>().ok()).map(|load| load.call0(&JsValue::NULL));
    let coming = coming.and_then(Result::ok).and_then(|coming| coming.dyn_into::<js_sys::Promise>().ok());
    let Some(coming) = coming else { return Err("This page cannot load more of its program: reload it.".to_owned()) };
    JsFuture::from(coming).await.map(|_| ()).map_err(|why| why.as_string().unwrap_or_default())
}

/// The time of day in ms, for how long something takes.
pub fn now() -> u64 {
    (js_sys::Date::now() as i64).unsigned_abs()
}

/// Device pixels per CSS pixel.
pub fn pixel_ratio() -> f64 {
    window().map_or(1.0, |w| w.device_pixel_ratio()).max(1.0)
}

/// Sets or removes an attribute of the document's root element.
pub fn mark_root(attribute: &str, value: Option<&str>) {
    let Some(root) = window().and_then(|w| w.document()).and_then(|d| d.document_element()) else { return };
    let _refused = match value {
        Some(value) => root.set_attribute(attribute, value),
        None => root.remove_attribute(attribute),
    };
}

/// A listener on the window; dropping it removes it.
#[derive(Debug)]
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Listens. `None` where there is no window.
    pub fn on_window(name: &'static str, heard: impl FnMut(Event) + 'static) -> Option<Self> {
        let target: EventTarget = window()?.unchecked_into();
        let closure = Closure::<dyn FnMut(Event)>::new(heard);
        target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref()).ok()?;
        Some(Self { target, name, closure })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _gone = self.target.remove_event_listener_with_callback(self.name, self.closure.as_ref().unchecked_ref());
    }
}

/// Work for the next animation frame; dropping it cancels it.
#[derive(Debug)]
pub struct Frame {
    handle: i32,
    _closure: Closure<dyn FnMut(f64)>,
}

impl Frame {
    /// Asks for it. `None` where there is no window.
    pub fn request(work: impl FnOnce() + 'static) -> Option<Self> {
        let closure = Closure::once(move |_: f64| work());
        let handle = window()?.request_animation_frame(closure.as_ref().unchecked_ref()).ok()?;
        Some(Self { handle, _closure: closure })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let Some(window) = window() {
            let _gone = window.cancel_animation_frame(self.handle);
        }
    }
}
