//! How one piece of markup becomes another: which attributes and texts differ. Pure; `view/raw.rs` sets them.

use std::borrow::Cow;

/// A value that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference<'a> {
    /// Number of the element, in the order in which they begin.
    pub(crate) element: usize,
    /// The attribute; `None` is the element's text.
    pub(crate) attribute: Option<&'a str>,
    pub(crate) value: Cow<'a, str>,
}

/// What differs between two pieces of markup that `scene` wrote; `None` if it is more than values.
pub(crate) fn differences<'a>(old: &str, new: &'a str) -> Option<Vec<Difference<'a>>> {
    let mut found = Vec::new();
    let (mut olds, mut news, mut element) = (old.split('<').skip(1), new.split('<').skip(1), 0);
    loop {
        let (old, new) = match (olds.next(), news.next()) {
            (None, None) => return Some(found),
            (old, new) => (old?, new?),
        };
        if old != new {
            let ((old_tag, old_text), (tag, text)) = (old.split_once('>')?, new.split_once('>')?);
            values(old_tag, tag, element, &mut found)?;
            if old_text != text {
                found.push(Difference { element, attribute: None, value: plain(text) });
            }
        }
        element += usize::from(!new.starts_with('/'));
    }
}

/// The values that differ between two tags. Quotes part names from values, as a quote in a value is written otherwise.
fn values<'a>(old: &str, new: &'a str, element: usize, found: &mut Vec<Difference<'a>>) -> Option<()> {
    let (mut olds, mut news, mut name) = (old.split('"'), new.split('"'), None);
    loop {
        let (old, new) = match (olds.next(), news.next()) {
            (None, None) => return Some(()),
            (old, new) => (old?, new?),
        };
        match name.take() {
            None if old != new => return None,
            None => name = new.strip_suffix('=').and_then(|name| Some(name.rsplit_once(' ')?.1)),
            Some(_) if old == new => {}
            attribute => found.push(Difference { element, attribute, value: plain(new) }),
        }
    }
}

/// A value without the escapes of `scene`.
fn plain(value: &str) -> Cow<'_, str> {
    let Some((before, escaped)) = value.split_once('&') else { return value.into() };
    let mut plain = before.to_owned();
    for part in escaped.split('&') {
        let (name, rest) = part.split_once(';').unwrap_or(("", part));
        plain.push(match name {
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => '&',
        });
        plain.push_str(rest);
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expect: Option<&[(usize, &str, &str)]>) {
        let found = differences(old, new);
        let found = found.as_ref().map(|found| {
            found.iter().map(|d| (d.element, d.attribute.unwrap_or("text"), d.value.as_ref())).collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref(), expect);
    }

    #[test]
    fn values_are_told_by_element_and_name() {
        let g = |class: &str, x: &str, title: &str, text: &str| {
            format!(
                "<g class=\"{class}\" a=\"1\"><title>{title}</title><rect x=\"{x}\" y=\"2\"/><text x=\"0\">{text}</text></g>"
            )
        };
        let old = g("mark future", "10", "now: 1", "a");
        check(&old, &old, Some(&[]));
        check(&old, &g("mark", "10", "now: 1", "a"), Some(&[(0, "class", "mark")]));
        check(
            &old,
            &g("mark", "11.5", "now: 2", "← b"),
            Some(&[(0, "class", "mark"), (1, "text", "now: 2"), (2, "x", "11.5"), (3, "text", "← b")]),
        );
        let title = "&quot;a&quot; &lt; vcpu-&gt;mode &amp; b";
        check(&old, &g("mark future", "10", title, "a"), Some(&[(1, "text", "\"a\" < vcpu->mode & b")]));
    }

    #[test]
    fn other_elements_or_attributes_are_more_than_values() {
        check("<g><rect x=\"1\"/></g>", "<g><line x=\"1\"/></g>", None);
        check("<g><rect x=\"1\"/></g>", "<g><rect y=\"1\"/></g>", None);
        check("<g><rect x=\"1\"/></g>", "<g><rect x=\"1\" y=\"2\"/></g>", None);
        check("<g><rect x=\"1\"/></g>", "<g><rect x=\"1\"/><rect x=\"1\"/></g>", None);
        check("<g></g>", "", None);
    }
}
