//! mdBook's two documents, context and book. Only what is needed is looked at; everything else goes back as it came, so
//! keys that another version has do no harm.

use crate::Error;
use crate::fences::replaced;
use crate::figure::{Place, Renderer};
use serde_json::Value;

/// The book with its blocks replaced.
pub(crate) fn processed(text: &str) -> Result<String, Error> {
    let (context, mut book): (Value, Value) =
        serde_json::from_str(text).map_err(|error| Error::Document(error.to_string()))?;
    let renderer = if context["renderer"] == "html" { Renderer::Html } else { Renderer::Other };
    let options = &context["config"]["preprocessor"]["exitless"];
    let site = options["site"].as_str().unwrap_or("exitless/");
    // 0.4 calls them sections.
    let key = if book.get("items").is_some() { "items" } else { "sections" };
    let items = book.get_mut(key).and_then(Value::as_array_mut);
    let items = items.ok_or_else(|| Error::Document("the book has no items".to_owned()))?;
    each(items, renderer, site)?;
    Ok(book.to_string())
}

fn each(items: &mut [Value], renderer: Renderer, site: &str) -> Result<(), Error> {
    for item in items {
        let Some(chapter) = item.get_mut("Chapter") else { continue };
        let path = chapter["path"].as_str().unwrap_or_default().to_owned();
        if let Some(content) = chapter["content"].as_str() {
            let place = Place { chapter: &path, site, renderer };
            chapter["content"] = replaced(content, &place)?.into();
        }
        if let Some(inside) = chapter.get_mut("sub_items").and_then(Value::as_array_mut) {
            each(inside, renderer, site)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn book(key: &str, content: &str) -> String {
        let chapter = json!({"Chapter": {"name": "One", "content": "# One", "number": [1], "path": "one.md",
            "sub_items": [{"Chapter": {"name": "Two", "content": content, "path": "deep/two.md", "sub_items": []}}]}});
        let config = json!({"preprocessor": {"exitless": {"site": "https://example.org/exitless/"}}});
        json!([{"renderer": "html", "config": config}, {key: ["Separator", chapter], "other": 7}]).to_string()
    }

    #[test]
    fn chapters_inside_chapters_are_found_in_books_of_both_versions() {
        for key in ["items", "sections"] {
            let answer = processed(&book(key, "```exitless\npreset = \"amd-avic\"\n```")).expect("a book");
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            let inside = &answer[key][1]["Chapter"]["sub_items"][0]["Chapter"]["content"];
            assert!(
                inside.as_str().is_some_and(|text| text.contains("<exitless-stage state=\"amd-avic\"")),
                "{inside}"
            );
            assert_eq!((&answer["other"], &answer[key][1]["Chapter"]["content"]), (&json!(7), &json!("# One\n")));
        }
    }

    #[test]
    fn a_block_that_cannot_be_names_its_chapter_and_line() {
        let error =
            processed(&book("items", "text\n\n```exitless\npreset = \"tea\"\n```")).expect_err("no such preset");
        let error = error.to_string();
        assert!(error.starts_with("deep/two.md, line 3: ") && error.contains("pinned-vs-offloaded"), "{error}");
    }

    #[test]
    fn what_is_no_book_is_refused() {
        for text in ["", "{}", "[1, 2]"] {
            assert!(matches!(processed(text), Err(Error::Document(_))), "{text}");
        }
    }
}
