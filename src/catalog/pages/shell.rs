//! The frame of every page.

use crate::catalog::html::Html;
use crate::catalog::paths::SitePath;

/// Files that every site has, with their content.
pub(in crate::catalog) const ASSETS: [(&str, &str); 4] = [
    ("catalog.css", include_str!("../assets/catalog.css")),
    ("catalog.js", include_str!("../assets/catalog.js")),
    ("catalog.schema.json", include_str!("../assets/catalog.schema.json")),
    ("icon.svg", include_str!("../assets/icon.svg")),
];

const NAVIGATION: [(&str, &str); 4] =
    [("index.html", "Home"), ("tables.html", "Tables"), ("lineage.html", "Lineage"), ("runs.html", "Runs")];

/// A page: its title, what it is about, and its content.
pub(super) fn document(path: &SitePath, title: &str, kind: &'static str, main: &Html) -> String {
    let mut html = Html::on(path);
    html.raw("<!doctype html>\n<html lang=\"en\" data-up=\"").raw(path.up()).raw("\"><head><meta charset=\"utf-8\">");
    // Scripts of this folder only, none in the page and none from a text; nothing from anywhere else.
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'; ");
    html.raw("style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw(
        "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\"><title>",
    );
    html.text(title).raw(" · evo catalog</title><link rel=\"stylesheet\" href=\"").raw(path.up());
    html.raw("catalog.css\"><link rel=\"icon\" type=\"image/svg+xml\" href=\"").raw(path.up());
    html.raw("icon.svg\"><script defer src=\"").raw(path.up()).raw("catalog.js\"></script></head>\n<body>");
    html.raw("<a class=\"skip\" href=\"#main\">Skip to the content</a><header><nav aria-label=\"Pages\"><ul>");
    for (page, name) in NAVIGATION {
        let is_this = path.as_str() == page;
        html.raw("<li><a href=\"").raw(path.up()).raw(page).raw("\"");
        html.raw(if is_this { " aria-current=\"page\">" } else { ">" }).raw(name).raw("</a></li>");
    }
    html.raw("</ul></nav><search><label for=\"q\">Search</label><input id=\"q\" type=\"search\" role=\"combobox\" ");
    html.raw(
        "aria-expanded=\"false\" aria-controls=\"found\" aria-autocomplete=\"list\" autocomplete=\"off\" \
          spellcheck=\"false\" ",
    );
    html.raw(
        "placeholder=\"table, column or JSON path\"><ul id=\"found\" role=\"listbox\" aria-label=\"Found\" \
          hidden></ul>",
    );
    html.raw(
        "<p id=\"count\" class=\"quiet\" aria-live=\"polite\"></p></search></header>\n<main id=\"main\" \
          tabindex=\"-1\">",
    );
    html.raw("<p class=\"kind\">").raw(kind).raw("</p><h1>").name(title).raw("</h1>\n").add(main);
    html.raw(
        "</main>\n<footer><p>Written by <code>evo catalog</code>. Times are UTC. Names and numbers only: \
          no value of a ",
    );
    html.raw("table is on these pages. A number with ~ is an estimate.</p></footer></body></html>\n");
    html.as_str().to_owned()
}

/// A heading of the second level with an id.
pub(super) fn heading(html: &mut Html, id: &'static str, text: &'static str) {
    html.raw("<h2 id=\"").raw(id).raw("\">").raw(text).raw("</h2>\n");
}

/// Pairs of a term and what it is.
#[derive(Debug)]
pub(super) struct Terms(Html);

impl Terms {
    pub(super) fn new(on: &Html) -> Self {
        let mut html = on.here();
        html.raw("<dl>");
        Self(html)
    }

    /// Adds a pair.
    pub(super) fn add(&mut self, term: &'static str, what: impl FnOnce(&mut Html)) {
        self.0.raw("<div><dt>").raw(term).raw("</dt><dd>");
        what(&mut self.0);
        self.0.raw("</dd></div>");
    }

    pub(super) fn html(mut self) -> Html {
        self.0.raw("</dl>\n");
        self.0
    }
}
