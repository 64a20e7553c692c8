//! Fitting text into a terminal: how wide it is, and where lines are broken.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text occupies: two for a wide character, none for a combining one.
pub fn width_of(text: &str) -> usize {
    text.width()
}

/// The part of a text that fits into `columns`, with `…` at the end if something was cut off.
pub fn cut(text: &str, columns: usize) -> String {
    if width_of(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used < columns
    };
    let start: String = text.chars().take_while(fits).collect();
    if columns == 0 { start } else { start + "…" }
}

/// Breaks lines that are longer than `columns` between words and indents the rest by two more than the line.
/// `None` breaks nothing. A word that is longer than a line stays whole, because it may be a path or
/// something to copy.
pub fn wrap(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    text.split('\n').map(|line| wrap_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, columns: usize) -> String {
    if width_of(line) <= columns {
        return line.to_owned();
    }
    let words = line.trim_start();
    let indent = line.len() - words.len();
    let mut out = " ".repeat(indent);
    let mut used = indent;
    for (i, word) in words.split(' ').enumerate() {
        let needed = width_of(word) + usize::from(i > 0);
        if i > 0 && used + needed > columns {
            out += "\n";
            out += &" ".repeat(indent + 2);
            used = indent + 2;
        } else if i > 0 {
            out.push(' ');
            used += 1;
        }
        out += word;
        used += width_of(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_a_long_word_stays_whole() {
        let text = "error: the lake holds no objects\n  hint: write some with `evo generate`";
        assert_eq!(
            wrap(text, Some(24)),
            "error: the lake holds no\n  objects\n  hint: write some with\n    `evo generate`"
        );
        assert_eq!(wrap(text, None), text);
        assert_eq!(wrap("see /a/very/long/path/to/it", Some(10)), "see\n  /a/very/long/path/to/it");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width_of("São"), 3);
        assert_eq!(width_of("売上"), 4);
        assert_eq!(cut("売上高", 4), "売…");
        assert_eq!(cut("sales", 5), "sales");
        assert_eq!(cut("sales", 0), "");
    }
}
