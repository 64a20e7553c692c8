//! Tables: each in a box of its own that scrolls.

use super::html::Html;

/// A table with a caption; columns of numbers begin with `>`.
#[derive(Debug)]
pub(super) struct HtmlTable {
    caption: &'static str,
    headers: &'static [&'static str],
    rows: Html,
    count: usize,
}

impl HtmlTable {
    /// Without rows yet.
    pub(super) fn new(on: &Html, caption: &'static str, headers: &'static [&'static str]) -> Self {
        Self { caption, headers, rows: on.here(), count: 0 }
    }

    /// Adds a row; the first cell is its head.
    pub(super) fn row(&mut self, cells: &[Html]) {
        self.rows.raw("<tr>");
        for (i, cell) in cells.iter().enumerate() {
            let is_number = self.headers.get(i).is_some_and(|header| header.starts_with('>'));
            self.rows.raw(match (i, is_number) {
                (0, _) => "<th scope=\"row\">",
                (_, true) => "<td class=\"n\">",
                (_, false) => "<td>",
            });
            self.rows.add(cell).raw(if i == 0 { "</th>" } else { "</td>" });
        }
        self.rows.raw("</tr>\n");
        self.count += 1;
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its markup; nothing without rows.
    pub(super) fn html(&self) -> Html {
        let mut html = self.rows.here();
        if self.is_empty() {
            return html;
        }
        html.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"").text(self.caption);
        html.raw("\"><table><caption>").text(self.caption).raw("</caption><thead><tr>");
        for header in self.headers {
            html.raw(if header.starts_with('>') { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" });
            html.text(header.trim_start_matches('>')).raw("</th>");
        }
        html.raw("</tr></thead><tbody>\n").add(&self.rows).raw("</tbody></table></div>\n");
        html
    }
}
