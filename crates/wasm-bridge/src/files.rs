//! Files: dropped, chosen, pasted, and saved.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, DragEvent, Event, File, HtmlAnchorElement, HtmlInputElement, Url};

/// The file that is dropped, if it is one.
pub fn dropped(event: &Event) -> Option<File> {
    event.dyn_ref::<DragEvent>()?.data_transfer()?.files()?.get(0)
}

/// The file that is chosen; the field is emptied, so that the same one can be chosen again.
pub fn chosen(event: &Event) -> Option<File> {
    let field = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
    let file = field.files()?.get(0);
    field.set_value("");
    file
}

/// Offers a text as a file to save; `false` if the browser refuses.
pub fn save(name: &str, kind: &str, text: &str) -> bool {
    let about = BlobPropertyBag::new();
    about.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &about);
    blob.is_ok_and(|blob| save_blob(name, &blob).is_some())
}

fn save_blob(name: &str, blob: &Blob) -> Option<()> {
    let address = Url::create_object_url_with_blob(blob).ok()?;
    let document = web_sys::window()?.document()?;
    let link = document.create_element("a").ok()?.dyn_into::<HtmlAnchorElement>().ok()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The browser has taken it by the time it is idle again.
    let _refused = Url::revoke_object_url(&address);
    Some(())
}

/// Draws a figure and offers it as PNG; `false` if the browser refuses.
pub async fn save_png(name: &str, svg: &str) -> bool {
    paint(name, svg).await.is_ok()
}

/// Pixels for each of the figure's.
const SCALE: u32 = 2;

/// By names, as each typed element is more program than the work itself.
async fn paint(name: &str, svg: &str) -> Result<(), JsValue> {
    let missing = || JsValue::from_str("no document");
    let document = web_sys::window().and_then(|w| w.document()).ok_or_else(missing)?;
    let image = document.create_element("img")?;
    let source = Blob::new_with_str_sequence_and_options(&Array::of1(&svg.into()), &{
        let about = BlobPropertyBag::new();
        about.set_type("image/svg+xml");
        about
    })?;
    let address = Url::create_object_url_with_blob(&source)?;
    image.set_attribute("src", &address)?;
    let decoded: Promise = call(&image, "decode", &[])?.dyn_into()?;
    let drawn = JsFuture::from(decoded).await;
    Url::revoke_object_url(&address)?;
    drawn?;
    let canvas = document.create_element("canvas")?;
    let size = |key: &str| Reflect::get(&image, &key.into()).map(|v| v.as_f64().unwrap_or(0.0) * f64::from(SCALE));
    let (width, height) = (size("naturalWidth")?, size("naturalHeight")?);
    Reflect::set(&canvas, &"width".into(), &width.into())?;
    Reflect::set(&canvas, &"height".into(), &height.into())?;
    let context = call(&canvas, "getContext", &["2d".into()])?;
    call(&context, "drawImage", &[image.into(), 0.into(), 0.into(), width.into(), height.into()])?;
    let name = name.to_owned();
    let blob = Promise::new(&mut |resolve, _| {
        let _refused = call(&canvas, "toBlob", &[resolve.into(), "image/png".into()]);
    });
    let blob: Blob = JsFuture::from(blob).await?.dyn_into()?;
    save_blob(&name, &blob).ok_or_else(missing)
}

fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(of, &name.into())?.dyn_into()?;
    Reflect::apply(&function, of, &arguments.iter().collect())
}

/// Forbids the browser to open what is dropped in place of the page. Lives as long as the page.
pub fn keep_page_when_dropped(dropped_file: impl Fn(File) + 'static) {
    let Some(window) = web_sys::window() else { return };
    let over = Closure::<dyn Fn(Event)>::new(|event: Event| event.prevent_default());
    let drop = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        event.prevent_default();
        if let Some(file) = dropped(&event) {
            dropped_file(file);
        }
    });
    let _refused = window.add_event_listener_with_callback("dragover", over.as_ref().unchecked_ref());
    let _refused = window.add_event_listener_with_callback("drop", drop.as_ref().unchecked_ref());
    over.forget();
    drop.forget();
}
