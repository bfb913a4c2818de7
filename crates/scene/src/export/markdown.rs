//! What means something to Markdown, written so that it does not.

/// Text for a paragraph, a heading or a cell of a table.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '#' | '~' | '&' | '$' => out.extend(['\\', c]),
            // A line end would end the heading or the row.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The same at the begin of a line, where a number or a dash would begin a list.
pub(crate) fn paragraph(text: &str) -> String {
    let text = escaped(text.trim());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => format!("{}\\{}", &text[..digits], &text[digits..]),
        Some(b'-' | b'+' | b'=' | b'>') if digits == 0 => format!("\\{text}"),
        _ => text,
    }
}

/// A row of a table.
pub(crate) fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The line under a table's head, all columns but the first flush right.
pub(crate) fn rule(columns: usize) -> String {
    let first = std::iter::once("---".to_owned());
    row(&first.chain(std::iter::repeat_n("---:".to_owned(), columns.saturating_sub(1))).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup_by_accident() {
        for (text, expect) in [
            ("PIR[0xec] ← 1", "PIR\\[0xec\\] ← 1"),
            ("vcpu->mode", "vcpu->mode"),
            ("> quoted", "\\> quoted"),
            ("12. of may", "12\\. of may"),
            ("12 cycles", "12 cycles"),
            ("- a", "\\- a"),
            ("<b>*_`", "\\<b>\\*\\_\\`"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(paragraph(text), expect);
        }
    }
}
