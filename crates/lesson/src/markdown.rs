//! Words with emphasis, code and links, as HTML that can stand in the page.

use pulldown_cmark::{Event, Options, Parser, Tag, html};

/// HTML of some Markdown. Raw HTML in it stays text: a lesson is words, whoever wrote it.
///
/// # Errors
/// A link to anything but a page or a moment (`https://…`, `#…`).
pub(crate) fn to_html(markdown: &str) -> Result<String, String> {
    let mut events = Vec::new();
    for event in Parser::new_ext(markdown.trim(), Options::ENABLE_TABLES) {
        events.push(match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::Image { .. }) => {
                return Err("a picture is not shown here; the stage is the picture".to_owned());
            }
            Event::Start(Tag::Link { ref dest_url, .. }) if !is_safe(dest_url) => {
                return Err(format!("the link to “{dest_url}” is not followed; valid are https://… and #…"));
            }
            event => event,
        });
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    out.truncate(out.trim_end().len());
    Ok(out)
}

fn is_safe(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::to_html;

    #[test]
    fn markdown_becomes_html_and_html_becomes_text() {
        let check = |markdown: &str, expect: &str| assert_eq!(to_html(markdown).as_deref(), Ok(expect));
        check("ON *was* 0.", "<p>ON <em>was</em> 0.</p>");
        check("`vcpu->mode`", "<p><code>vcpu-&gt;mode</code></p>");
        check("a <script>x</script> b", "<p>a &lt;script&gt;x&lt;/script&gt; b</p>");
        check("[PIR](#pinned-vs-offloaded)", "<p><a href=\"#pinned-vs-offloaded\">PIR</a></p>");
        check("", "");
    }

    #[test]
    fn what_is_no_word_is_refused() {
        let refused = |markdown: &str, why: &str| {
            let said = to_html(markdown).expect_err(markdown);
            assert!(said.contains(why), "{said}");
        };
        refused("[x](javascript:alert(1))", "https://…");
        refused("![x](a.png)", "the stage is the picture");
    }
}
