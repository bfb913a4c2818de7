//! The playground.

use yew::{Html, component, html};

#[component]
fn App() -> Html {
    html! { <main><h1>{ "Where does the tick go?" }</h1></main> }
}

fn main() {
    let place =
        web_sys::window().and_then(|window| window.document()).and_then(|document| document.get_element_by_id("app"));
    if let Some(place) = place {
        yew::Renderer::<App>::with_root(place).render();
    }
}
