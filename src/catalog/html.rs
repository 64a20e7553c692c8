//! Markup, with one way in for each kind of text: what is not a literal of this program is escaped.

use std::fmt::Write;

use super::paths::SitePath;
use crate::report::units;
use crate::visible;

/// Markup of a page.
#[derive(Debug, Clone)]
pub(super) struct Html {
    text: String,
    up: &'static str,
}

/// The text as it stands between tags, or in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

impl Html {
    /// No markup yet, on this page.
    pub(super) fn on(page: &SitePath) -> Self {
        Self::up(page.up())
    }

    /// No markup yet, on a page from which this leads to the site's folder.
    pub(super) fn up(up: &'static str) -> Self {
        Self { text: String::new(), up }
    }

    /// No markup yet, on the same page.
    pub(super) fn here(&self) -> Self {
        Self::up(self.up)
    }

    /// A part of its own on the same page: a cell of a table.
    pub(super) fn cell(&self, fill: impl for<'h> FnOnce(&'h mut Html) -> &'h mut Html) -> Html {
        let mut html = self.here();
        fill(&mut html);
        html
    }

    /// Markup of this program.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Markup that was made in the same way.
    pub(super) fn add(&mut self, other: &Html) -> &mut Self {
        self.text.push_str(&other.text);
        self
    }

    /// Any text, in one line; invisible characters are spelled out.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&escaped(&visible::line(text)));
        self
    }

    /// Any text with its line feeds.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&escaped(&visible::lines(text)));
        self
    }

    /// A name, which may be written from right to left and does not turn around what follows it.
    pub(super) fn name(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").text(text).raw("</bdi>")
    }

    /// A name of the program or the database: in the font of code.
    pub(super) fn code(&mut self, text: &str) -> &mut Self {
        self.raw("<code>").name(text).raw("</code>")
    }

    /// A whole number with its separators.
    pub(super) fn count(&mut self, n: i64) -> &mut Self {
        if n < 0 {
            self.text.push('−');
        }
        self.text.push_str(&units::count(n.unsigned_abs()));
        self
    }

    /// A number of an attribute of SVG.
    pub(super) fn at(&mut self, n: f64) -> &mut Self {
        let rounded = (n * 10.0).round() / 10.0;
        let _ = write!(self.text, "{rounded}");
        self
    }

    /// A link to another page.
    pub(super) fn link(&mut self, to: &SitePath, label: &str) -> &mut Self {
        self.opened(to).name(label).raw("</a>")
    }

    /// The opening tag of a link to another page.
    pub(super) fn opened(&mut self, to: &SitePath) -> &mut Self {
        self.raw("<a href=\"").address(to).raw("\">")
    }

    /// The address of another page.
    pub(super) fn address(&mut self, to: &SitePath) -> &mut Self {
        self.text.push_str(self.up);
        self.text.push_str(to.as_str());
        self
    }

    /// A moment, ISO 8601: for people without its `T`; the script adds how long ago it was.
    pub(super) fn time(&mut self, at: &str) -> &mut Self {
        let shown: String = at.chars().take(16).collect::<String>().replace('T', " ");
        self.raw("<time datetime=\"").text(at).raw("\">").text(&shown).raw("</time>")
    }

    /// A moment, or `never`.
    pub(super) fn time_or_never(&mut self, at: Option<&str>) -> &mut Self {
        match at {
            Some(at) => self.time(at),
            None => self.raw("never"),
        }
    }

    /// The markup.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_place() {
        let mut html = Html::up("");
        html.name("</bdi><script>alert('x')</script>\"").text("a&b").prose("x\ny\u{202e}");
        assert_eq!(
            html.as_str(),
            "<bdi>&lt;/bdi&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;</bdi>a&amp;bx\ny\\u{202e}"
        );
    }

    #[test]
    fn numbers_and_moments_read_as_people_write_them() {
        let mut html = Html::up("../");
        html.count(-1234).raw(" ").at(1.25).raw(" ").at(-0.0).raw(" ").time("2026-01-02T03:04:05Z");
        assert_eq!(html.as_str(), "−1,234 1.3 -0 <time datetime=\"2026-01-02T03:04:05Z\">2026-01-02 03:04</time>");
        let mut html = Html::up("../");
        html.link(&SitePath::fixed("index.html"), "a");
        assert_eq!(html.as_str(), "<a href=\"../index.html\"><bdi>a</bdi></a>");
    }
}
