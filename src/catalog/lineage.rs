//! Lineage as inline SVG: nodes in layers from left to right, and the same as a table for those who do not
//! see it.

use std::collections::BTreeMap;

use super::html::Html;
use super::paths::SitePath;

const ROW: f64 = 24.0;
const WIDTH: f64 = 190.0;
const GAP: f64 = 70.0;
const HEAD: f64 = 26.0;
/// Characters of a label that fit into a node.
const LETTERS: usize = 25;

/// A node of the drawing.
#[derive(Debug, Clone)]
struct LineageNode {
    layer: usize,
    label: String,
    /// Shown after the label and in the title: a cast, a kind.
    note: String,
    page: Option<SitePath>,
}

/// What flows where. A node is known by its layer and its label.
#[derive(Debug, Default)]
pub(super) struct LineageDrawing {
    /// Names of the layers.
    layers: Vec<&'static str>,
    nodes: Vec<LineageNode>,
    known: BTreeMap<(usize, String), usize>,
    edges: Vec<(usize, usize)>,
}

impl LineageDrawing {
    /// Without nodes yet.
    pub(super) fn new(layers: &[&'static str]) -> Self {
        Self { layers: layers.to_vec(), ..Self::default() }
    }

    /// Adds a node, or finds it.
    pub(super) fn node(&mut self, layer: usize, label: &str, note: &str, page: Option<SitePath>) -> usize {
        *self.known.entry((layer, label.to_owned())).or_insert_with(|| {
            self.nodes.push(LineageNode { layer, label: label.to_owned(), note: note.to_owned(), page });
            self.nodes.len() - 1
        })
    }

    /// Adds an edge.
    pub(super) fn edge(&mut self, from: usize, to: usize) {
        if !self.edges.contains(&(from, to)) {
            self.edges.push((from, to));
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The drawing and its table; nothing without edges.
    pub(super) fn html(&self, on: &Html, title: &'static str) -> Html {
        let mut html = on.here();
        if self.edges.is_empty() {
            return html;
        }
        let layers = self.used_layers();
        let places = self.places(&layers);
        let rows = places.iter().map(|(_, row)| row + 1).max().unwrap_or(0) as f64;
        let (width, height) = (layers.len() as f64 * (WIDTH + GAP) - GAP + 34.0, rows * ROW + HEAD + 6.0);
        html.raw("<figure class=\"lineage\"><figcaption>").text(title).raw("</figcaption>");
        html.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"").text(title).raw(", drawn\">");
        html.raw("<svg data-lineage width=\"").at(width).raw("\" height=\"").at(height);
        html.raw("\" viewBox=\"0 0 ")
            .at(width)
            .raw(" ")
            .at(height)
            .raw("\" role=\"group\" aria-label=\"")
            .text(title)
            .raw("\">");
        for (i, layer) in layers.iter().enumerate() {
            html.raw("<text class=\"layer\" y=\"14\" x=\"").at(i as f64 * (WIDTH + GAP) + 2.0).raw("\">");
            html.text(self.layers[*layer]).raw("</text>");
        }
        for (from, to) in &self.edges {
            self.draw_edge(&mut html, (*from, *to), &places);
        }
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|i| places[*i]);
        for i in order {
            draw_node(&mut html, i, &self.nodes[i], places[i]);
        }
        html.raw("</svg></div><details><summary>As text</summary>")
            .add(&self.text(on, title))
            .raw("</details></figure>\n");
        html
    }

    fn used_layers(&self) -> Vec<usize> {
        (0..self.layers.len()).filter(|layer| self.nodes.iter().any(|node| node.layer == *layer)).collect()
    }

    /// Layer as drawn and row of each node. A node stands as near as possible to those that it comes from.
    fn places(&self, layers: &[usize]) -> Vec<(usize, usize)> {
        let mut places = vec![(0, 0); self.nodes.len()];
        for (drawn, layer) in layers.iter().enumerate() {
            let mut own: Vec<usize> = (0..self.nodes.len()).filter(|i| self.nodes[*i].layer == *layer).collect();
            let middle = |i: &usize| {
                let rows: Vec<usize> =
                    self.edges.iter().filter(|(_, to)| to == i).map(|(from, _)| places[*from].1).collect();
                rows.iter().sum::<usize>() as f64 / rows.len().max(1) as f64
            };
            if drawn > 0 {
                let mut keyed: Vec<(f64, usize)> = own.iter().map(|i| (middle(i), *i)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                own = keyed.into_iter().map(|(_, i)| i).collect();
            }
            for (row, i) in own.into_iter().enumerate() {
                places[i] = (drawn, row);
            }
        }
        places
    }

    fn draw_edge(&self, html: &mut Html, (from, to): (usize, usize), places: &[(usize, usize)]) {
        let x1 = places[from].0 as f64 * (WIDTH + GAP) + WIDTH;
        let x2 = places[to].0 as f64 * (WIDTH + GAP) + 2.0;
        let y = |i: usize| HEAD + places[i].1 as f64 * ROW + ROW / 2.0 - 1.0;
        // Within a layer the edge goes around, at the right.
        let (x2, bend, back) = match x2 > x1 {
            true => (x2, (x2 - x1) / 2.0, -(x2 - x1) / 2.0),
            false => (x1, 28.0, 28.0),
        };
        html.raw("<path class=\"edge\" data-a=\"")
            .at(from as f64)
            .raw("\" data-b=\"")
            .at(to as f64)
            .raw("\" d=\"M")
            .at(x1);
        html.raw(" ").at(y(from)).raw("C").at(x1 + bend).raw(" ").at(y(from)).raw(" ").at(x2 + back).raw(" ").at(y(to));
        html.raw(" ").at(x2).raw(" ").at(y(to)).raw("\"/>");
    }

    /// Each node with what it comes from and what it goes to.
    fn text(&self, on: &Html, title: &'static str) -> Html {
        let mut html = on.here();
        html.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"")
            .text(title)
            .raw(", as text\"><table><caption>");
        html.text(title)
            .raw("</caption><thead><tr><th scope=\"col\">from</th><th scope=\"col\">to</th></tr></thead><tbody>");
        for (i, node) in self.nodes.iter().enumerate() {
            let to: Vec<usize> = self.edges.iter().filter(|(from, _)| *from == i).map(|(_, to)| *to).collect();
            if to.is_empty() {
                continue;
            }
            html.raw("<tr><th scope=\"row\">")
                .text(self.layers[node.layer])
                .raw(" ")
                .code(&node.label)
                .raw("</th><td>");
            for (n, to) in to.into_iter().enumerate() {
                html.raw(if n > 0 { ", " } else { "" }).text(self.layers[self.nodes[to].layer]).raw(" ");
                html.code(&self.nodes[to].label);
                if !self.nodes[to].note.is_empty() {
                    html.raw(" (").text(&self.nodes[to].note).raw(")");
                }
            }
            html.raw("</td></tr>");
        }
        html.raw("</tbody></table></div>");
        html
    }
}

fn draw_node(html: &mut Html, i: usize, node: &LineageNode, (layer, row): (usize, usize)) {
    let (x, y) = (layer as f64 * (WIDTH + GAP) + 2.0, HEAD + row as f64 * ROW);
    match &node.page {
        Some(page) => html.raw("<a href=\"").address(page).raw("\" class=\"node\" data-n=\"").at(i as f64).raw("\">"),
        // Pointing at it shows what flows; with the keyboard only links are stops, and the table has the
        // rest.
        None => html.raw("<g class=\"node\" tabindex=\"-1\" data-n=\"").at(i as f64).raw("\">"),
    };
    html.raw("<title>").text(&node.label);
    if !node.note.is_empty() {
        html.raw(": ").text(&node.note);
    }
    html.raw("</title><rect rx=\"3\" width=\"188\" height=\"20\" x=\"")
        .at(x)
        .raw("\" y=\"")
        .at(y)
        .raw("\"/><text x=\"");
    html.at(x + 6.0).raw("\" y=\"").at(y + 14.0).raw("\">").text(&cut(&node.label, LETTERS)).raw("</text>");
    html.raw(if node.page.is_some() { "</a>" } else { "</g>" });
}

/// The end of a name says more than its beginning.
fn cut(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    format!("…{}", text.chars().skip(count + 1 - letters).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_its_edges_as_text_too() {
        let mut lineage = LineageDrawing::new(&["path", "column", "view"]);
        let path = lineage.node(0, "<idSale>", "", None);
        let column = lineage.node(1, "sale_id", "bigint", Some(SitePath::fixed("tables/x.html")));
        assert_eq!(lineage.node(1, "sale_id", "", None), column);
        lineage.edge(path, column);
        lineage.edge(path, column);
        let shown = lineage.html(&Html::up("../"), "Lineage").as_str().to_owned();
        assert_eq!(shown.matches("class=\"edge\"").count(), 1);
        assert!(shown.contains("&lt;idSale&gt;") && !shown.contains("<idSale>"), "{shown}");
        assert!(shown.contains("column <code><bdi>sale_id</bdi></code> (bigint)"), "{shown}");
        assert!(shown.contains("<a href=\"../tables/x.html\" class=\"node\""), "{shown}");
        assert!(!shown.contains(">view<"), "a layer without nodes takes no room");
        assert!(LineageDrawing::new(&["path"]).html(&Html::up(""), "x").is_empty());
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!((cut("abc", 3).as_str(), cut("abcdef", 3).as_str()), ("abc", "…ef"));
    }
}
