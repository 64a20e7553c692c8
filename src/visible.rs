//! Text from elsewhere, made safe to print: characters that would steer a terminal or hide something are
//! spelled out.
//!
//! Names of objects, fields and runs, and messages of servers, can contain escape sequences that recolor,
//! retitle or answer, line feeds that forge a line of a report, and marks that reverse the order of letters.
//! JSON for machines stays exact.

use std::borrow::Cow;
use std::fmt::Write;

/// The text in one line, with all invisible characters spelled out: `\n`, `\u{1b}`, `\u{202e}`.
pub fn line(text: &str) -> Cow<'_, str> {
    spelled(text, |_| false)
}

/// The text with its line feeds, and all other invisible characters spelled out.
pub fn lines(text: &str) -> Cow<'_, str> {
    spelled(text, |c| c == '\n')
}

fn spelled(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_shown = |c: char| is_kept(c) || !is_invisible(c);
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let _ = match is_shown(c) {
            true => shown.write_char(c),
            false => write!(shown, "{}", spelling(c)),
        };
    }
    Cow::Owned(shown)
}

fn spelling(c: char) -> String {
    match c {
        '\n' | '\r' | '\t' => c.escape_default().to_string(),
        _ => c.escape_unicode().to_string(),
    }
}

/// Controls (C0, DEL, C1), line and paragraph separators, what has no width, and what changes the direction
/// of writing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_visible_stays_as_it_is() {
        for text in ["março 2026 – ção.jsonl.gz", "c\u{327}", "日本 🏋 a\\b", ""] {
            assert!(matches!(line(text), Cow::Borrowed(shown) if shown == text), "{text}");
        }
        assert_eq!(lines("a\nb"), "a\nb");
    }

    #[test]
    fn what_steers_a_terminal_or_hides_something_is_spelled_out() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("\u{9b}31m\u{7f}\u{0}", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("gz.\u{202e}lnosj\u{2066}", "gz.\\u{202e}lnosj\\u{2066}"),
            ("a\u{200b}b\u{feff}\u{2028}", "a\\u{200b}b\\u{feff}\\u{2028}"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(lines("a\n\u{1b}b\r"), "a\n\\u{1b}b\\r");
    }
}
