//! Plots as inline SVG: series differ by pattern and dash, not only by color, and the numbers stand in a
//! table below.

use std::time::Duration;

use super::html::Html;
use crate::report::units;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 44.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 24.0;

/// Classes of the series of a plot, in order; the style sheet gives each a color, a pattern or a dash.
const SERIES: [&str; 4] = ["s0", "s1", "s2", "s3"];

/// The unit of a plot's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlotUnit {
    Count,
    Bytes,
    Milliseconds,
    Hours,
}

impl PlotUnit {
    /// A number with its unit.
    pub(super) fn shown(self, value: f64) -> String {
        match self {
            Self::Count => units::count(value.round().max(0.0) as u64),
            Self::Bytes => units::bytes(value.round().max(0.0) as u64),
            Self::Milliseconds if value < 10.0 => format!("{value:.1} ms"),
            Self::Milliseconds => units::duration(Duration::from_millis(value.round().max(0.0) as u64)),
            Self::Hours => format!("{value:.1} h"),
        }
    }
}

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlotShape {
    /// Stacked bars.
    Bars,
    /// A line each.
    Lines,
}

/// Values over time. Each series has as many as there are labels.
#[derive(Debug)]
pub(super) struct Plot {
    /// Distinguishes the plots of a page.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// What a label is: `day`.
    pub(super) axis: &'static str,
    pub(super) unit: PlotUnit,
    pub(super) shape: PlotShape,
    pub(super) labels: Vec<String>,
    /// At most four.
    pub(super) series: Vec<(&'static str, Vec<Option<f64>>)>,
}

impl Plot {
    /// The figure, its legend and its table; nothing without values.
    pub(super) fn html(&self, on: &Html) -> Html {
        let mut html = on.here();
        if self.labels.is_empty() || !self.series.iter().any(|(_, values)| values.iter().any(Option::is_some)) {
            return html;
        }
        html.raw("<figure class=\"plot\"><figcaption>").text(self.title).raw("</figcaption>");
        self.legend(&mut html);
        html.raw(
            "<div class=\"scroll\"><svg viewBox=\"0 0 640 200\" role=\"img\" tabindex=\"0\" data-plot aria-label=\"",
        );
        html.text(&self.summary()).raw("\">");
        self.patterns(&mut html);
        self.grid(&mut html);
        match self.shape {
            PlotShape::Bars => self.bars(&mut html),
            PlotShape::Lines => self.lines(&mut html),
        }
        self.points(&mut html);
        html.raw("</svg></div><p class=\"readout\" aria-live=\"polite\"></p>");
        html.raw("<details><summary>Numbers</summary>").add(&self.numbers(on)).raw("</details></figure>\n");
        html
    }

    fn legend(&self, html: &mut Html) {
        if self.series.len() < 2 {
            return;
        }
        html.raw("<ul class=\"legend\">");
        for (i, (name, _)) in self.series.iter().enumerate() {
            html.raw("<li><svg viewBox=\"0 0 24 12\" aria-hidden=\"true\">");
            match self.shape {
                PlotShape::Bars => {
                    html.raw("<rect x=\"1\" y=\"1\" width=\"22\" height=\"10\"");
                    self.fill(html, i);
                    html.raw("/>");
                }
                PlotShape::Lines => {
                    html.raw("<path d=\"M1 6H23\" class=\"line ").raw(SERIES[i.min(3)]).raw("\"/>");
                }
            }
            html.raw("</svg>").text(name).raw("</li>");
        }
        html.raw("</ul>");
    }

    /// The fill of a bar: a pattern for all but the first series.
    fn fill(&self, html: &mut Html, i: usize) {
        html.raw(" class=\"bar ").raw(SERIES[i.min(3)]).raw("\"");
        if i > 0 {
            html.raw(" fill=\"url(#").raw(self.key).raw("-").raw(SERIES[i.min(3)]).raw(")\"");
        }
    }

    fn patterns(&self, html: &mut Html) {
        if self.shape == PlotShape::Lines || self.series.len() < 2 {
            return;
        }
        const SHAPES: [&str; 3] = [
            "<path d=\"M0 6L6 0\" class=\"hatch\"/>",
            "<circle cx=\"3\" cy=\"3\" r=\"1.3\" class=\"dot\"/>",
            "<path d=\"M0 3H6\" class=\"hatch\"/>",
        ];
        html.raw("<defs>");
        for (i, shape) in SHAPES.iter().enumerate().take(self.series.len().saturating_sub(1)) {
            html.raw("<pattern id=\"").raw(self.key).raw("-").raw(SERIES[i + 1]);
            html.raw(
                "\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect width=\"6\" \
                  height=\"6\" class=\"paper\"/>",
            );
            html.raw(shape).raw("</pattern>");
        }
        html.raw("</defs>");
    }

    /// The largest value, of stacked bars their sum, rounded up to 1, 2 or 5 times a power of ten.
    fn top(&self) -> f64 {
        let at = |i: usize| self.series.iter().filter_map(move |(_, values)| values.get(i).copied().flatten());
        let largest = |i: usize| match self.shape {
            PlotShape::Bars => at(i).sum::<f64>(),
            PlotShape::Lines => at(i).fold(0.0, f64::max),
        };
        round_up((0..self.labels.len()).map(largest).fold(0.0, f64::max))
    }

    fn x(&self, i: usize) -> f64 {
        LEFT + (i as f64 + 0.5) * self.step()
    }

    fn step(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / self.labels.len() as f64
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value / self.top()).clamp(0.0, 1.0)
    }

    fn grid(&self, html: &mut Html) {
        for part in [0.0, 0.5, 1.0] {
            let y = self.y(part * self.top());
            html.raw("<path class=\"grid\" d=\"M62 ")
                .at(y)
                .raw("H596\"/><text class=\"tick\" x=\"56\" y=\"")
                .at(y + 4.0);
            html.raw("\" text-anchor=\"end\">").text(&self.unit.shown(part * self.top())).raw("</text>");
        }
        let last = self.labels.len() - 1;
        let mut shown = vec![0, last / 2, last];
        shown.dedup();
        for i in shown {
            html.raw("<text class=\"tick\" y=\"194\" text-anchor=\"middle\" x=\"")
                .at(self.x(i).clamp(94.0, 560.0))
                .raw("\">");
            html.text(&self.labels[i]).raw("</text>");
        }
    }

    fn bars(&self, html: &mut Html) {
        let width = (self.step() * 0.8).clamp(0.8, 40.0);
        for i in 0..self.labels.len() {
            let mut below = 0.0;
            for (s, (_, values)) in self.series.iter().enumerate() {
                let Some(value) = values.get(i).copied().flatten().filter(|value| *value > 0.0) else { continue };
                let (from, to) = (self.y(below), self.y(below + value));
                html.raw("<rect x=\"").at(self.x(i) - width / 2.0).raw("\" y=\"").at(to).raw("\" width=\"").at(width);
                // What is there is seen, however little it is.
                html.raw("\" height=\"").at((from - to).max(0.7)).raw("\"");
                self.fill(html, s);
                html.raw("/>");
                below += value;
            }
        }
    }

    fn lines(&self, html: &mut Html) {
        let mut lowest = HEIGHT;
        for (s, (name, values)) in self.series.iter().enumerate() {
            html.raw("<path class=\"line ").raw(SERIES[s.min(3)]).raw("\" d=\"");
            let mut is_down = false;
            let mut last = None;
            for (i, value) in values.iter().enumerate() {
                let Some(value) = value else {
                    is_down = false;
                    continue;
                };
                html.raw(if is_down { "L" } else { "M" }).at(self.x(i)).raw(" ").at(self.y(*value));
                // A value between two gaps would be invisible.
                if !is_down && values.get(i + 1).copied().flatten().is_none() {
                    html.raw("h3");
                }
                is_down = true;
                last = Some(*value);
            }
            html.raw("\"/>");
            if let Some(last) = last.filter(|_| self.series.len() > 1) {
                // Names do not cover each other.
                let y = self.y(last).min(lowest);
                lowest = y - 12.0;
                html.raw("<text class=\"tick\" x=\"600\" y=\"").at(y + 4.0).raw("\">").text(name).raw("</text>");
            }
        }
    }

    /// Where hovering, and the arrow keys, show the numbers.
    fn points(&self, html: &mut Html) {
        for i in 0..self.labels.len() {
            html.raw("<g class=\"pt\"><title>")
                .text(&self.point(i))
                .raw("</title><rect class=\"hit\" y=\"14\" height=\"162\" x=\"");
            html.at(LEFT + i as f64 * self.step()).raw("\" width=\"").at(self.step()).raw("\"/></g>");
        }
    }

    fn point(&self, i: usize) -> String {
        let one = |(name, values): &(&str, Vec<Option<f64>>)| {
            let value = values.get(i).copied().flatten().map_or("–".to_owned(), |value| self.unit.shown(value));
            if self.series.len() > 1 { format!("{name} {value}") } else { value }
        };
        format!("{}: {}", self.labels[i], self.series.iter().map(one).collect::<Vec<_>>().join(", "))
    }

    fn summary(&self) -> String {
        let (first, last) = (&self.labels[0], &self.labels[self.labels.len() - 1]);
        let latest = self.point(self.labels.len() - 1);
        format!("{}, {first} to {last}; latest {latest}. Arrow keys step through the values.", self.title)
    }

    fn numbers(&self, on: &Html) -> Html {
        let mut html = on.here();
        html.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Numbers: ")
            .text(self.title)
            .raw("\"><table><caption>");
        html.text(self.title).raw("</caption><thead><tr><th scope=\"col\">").text(self.axis).raw("</th>");
        for (name, _) in &self.series {
            html.raw("<th scope=\"col\" class=\"n\">").text(name).raw("</th>");
        }
        html.raw("</tr></thead><tbody>");
        for (i, label) in self.labels.iter().enumerate() {
            html.raw("<tr><th scope=\"row\">").text(label).raw("</th>");
            for (_, values) in &self.series {
                let value = values.get(i).copied().flatten().map_or("–".to_owned(), |value| self.unit.shown(value));
                html.raw("<td class=\"n\">").text(&value).raw("</td>");
            }
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div>");
        html
    }
}

fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value * 0.999_999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(shape: PlotShape, values: &[Option<f64>]) -> String {
        let labels = (0..values.len()).map(|i| format!("2026-01-{:02}", i + 1)).collect();
        let series = vec![("first", values.to_vec()), ("second", values.to_vec())];
        let plot = Plot { key: "k", title: "A & B", axis: "day", unit: PlotUnit::Count, shape, labels, series };
        plot.html(&Html::up("")).as_str().to_owned()
    }

    #[test]
    fn a_plot_has_its_numbers_in_a_table_and_on_each_point() {
        let bars = plot(PlotShape::Bars, &[Some(1000.0), None, Some(3.0)]);
        assert!(bars.contains("<title>2026-01-01: first 1,000, second 1,000</title>"), "{bars}");
        assert!(bars.contains("<title>2026-01-02: first –, second –</title>"), "{bars}");
        assert!(bars.contains("A &amp; B") && bars.contains("<th scope=\"row\">2026-01-03</th><td class=\"n\">3</td>"));
        assert!(bars.contains("url(#k-s1)"), "the second series has a pattern");
        assert_eq!(plot(PlotShape::Lines, &[]), "");
        assert_eq!(plot(PlotShape::Lines, &[None]), "");
        assert!(plot(PlotShape::Lines, &[Some(1.0), None, Some(2.0)]).contains("h3M"), "a gap stays a gap");
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        assert_eq!([0.0, 1.0, 1.2, 3.0, 700.0, 1000.0].map(round_up), [1.0, 1.0, 2.0, 5.0, 1000.0, 1000.0]);
    }
}
