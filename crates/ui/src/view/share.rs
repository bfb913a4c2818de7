//! The link of the moment, how long it is, and what puts the moment into a document.

use super::event::field;
use super::part::{Draw, Send};
use crate::app::Msg;
use crate::later::Later;
use apic_core::scenario::PRESETS;
use yew::prelude::*;

/// Id of the field that holds the link.
pub(crate) const FIELD: &str = "share-link";

/// The link to show, or none.
#[derive(PartialEq)]
pub(crate) struct Share {
    pub(crate) link: Option<AttrValue>,
    /// What the moment is of.
    pub(crate) title: AttrValue,
    /// Whether the clipboard has it.
    pub(crate) copied: bool,
    pub(crate) later: Later,
    pub(crate) send: Send,
}

impl Draw for Share {
    fn draw(&self) -> Html {
        let body = self.link.as_ref().map(|link| {
            html! { <div class="notice share" data-testid="share-panel">{ self.later.draw(|| self.body(link)) }</div> }
        });
        html! { <div>{ body }</div> }
    }
}

impl Share {
    fn body(&self, link: &AttrValue) -> Html {
        let length = link.chars().count().to_string();
        let words = if self.copied { "Link of this moment" } else { "Copy the link of this moment" };
        let snippet = |(name, about, text): (&str, &str, String)| {
            html! {
                <label>
                    { about }
                    <textarea data-testid={["share-", name].concat()} readonly=true rows="3" onfocus={|e: FocusEvent| select_text(&e)} value={text} />
                </label>
            }
        };
        let (page, fragment) = link.split_once('#').unwrap_or((link, ""));
        let picture = [folder(page), "picture/#", fragment].concat();
        html! {
            <>
                <label for={FIELD}>{ [words, ", ", &length, " characters:"].concat() }</label>
                <input id={FIELD} readonly={true} value={link.clone()} onfocus={|e: FocusEvent| select_all(&e)} />
                <button class="quiet" onclick={self.send.reform(|_: MouseEvent| Msg::CloseShare)}>{ "Close" }</button>
                <details>
                    <summary>{ "Put it into a document" }</summary>
                    { for snippets(link, &self.title).into_iter().map(snippet) }
                    <a data-testid="share-picture" href={picture} target="_blank" rel="noopener">{ "The picture, to save" }</a>
                </details>
            </>
        }
    }
}

/// The folder of a page's address, with its slash.
fn folder(page: &str) -> &str {
    page.rfind('/').map_or(page, |slash| &page[..=slash])
}

/// Name, what it is for, and the text.
fn snippets(link: &str, title: &str) -> [(&'static str, &'static str, String); 3] {
    let (page, fragment) = link.split_once('#').unwrap_or((link, ""));
    let site = folder(page);
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    // A preset's pictures are part of the site; any other is saved beside the document first.
    let shipped = PRESETS.iter().any(|preset| preset.name == fragment);
    let picture = if shipped { [site, "figure/", fragment].concat() } else { "exitless".to_owned() };
    let open = ["<a href=\"", link, "\">Open it in Exitless</a>"].concat();
    [
        (
            "frame",
            "A frame, for any page and most wikis:",
            [
                "<iframe title=\"Exitless: ", &title, "\" src=\"", site, "embed/#", fragment,
                "\" width=\"100%\" height=\"420\" loading=\"lazy\" allow=\"fullscreen; clipboard-write\" referrerpolicy=\"no-referrer\"></iframe>\n<p>",
                &open, "</p>",
            ]
            .concat(),
        ),
        (
            "element",
            "An element, for pages that may run scripts of this site:",
            [
                "<script type=\"module\" src=\"", site, "embed/exitless-stage.js\"></script>\n<exitless-stage state=\"",
                fragment, "\">", &open, "</exitless-stage>",
            ]
            .concat(),
        ),
        (
            "markdown",
            "A picture with a link, for Markdown:",
            [
                "<a href=\"", link, "\"><picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"", &picture,
                ".dark.svg\"><img src=\"", &picture, ".light.svg\" alt=\"", &title, "\"></picture></a>",
            ]
            .concat(),
        ),
    ]
}

fn select_all(event: &FocusEvent) {
    if let Some(field) = field(event) {
        field.select();
    }
}

fn select_text(event: &FocusEvent) {
    use wasm_bindgen::JsCast as _;
    let text = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlTextAreaElement>().ok());
    if let Some(text) = text {
        text.select();
    }
}

#[cfg(test)]
mod tests {
    use super::snippets;

    #[track_caller]
    fn check(link: &str, which: usize, parts: &[&str]) {
        let text = &snippets(link, "A \"tick\" & <more>")[which].2;
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn snippets_carry_link_title_and_picture() {
        let link = "https://example.org/x/index.html#v3.AB";
        check(
            link,
            0,
            &[
                "title=\"Exitless: A &quot;tick&quot; &amp; &lt;more>\"",
                "src=\"https://example.org/x/embed/#v3.AB\"",
                link,
            ],
        );
        check(link, 1, &["https://example.org/x/embed/exitless-stage.js", "<exitless-stage state=\"v3.AB\">"]);
        check(link, 2, &["srcset=\"exitless.dark.svg\"", link]);
        check("https://example.org/#amd-avic", 2, &["src=\"https://example.org/figure/amd-avic.light.svg\""]);
    }
}
