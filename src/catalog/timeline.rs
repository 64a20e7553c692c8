//! The batches of an execution as bars over time, those that ran at the same time below each other.

use super::facts::RunBatch;
use super::html::Html;
use super::plot::PlotUnit;

const LANE: f64 = 13.0;

/// The drawing; nothing without batches.
pub(super) fn timeline(on: &Html, batches: &[RunBatch]) -> Html {
    let mut html = on.here();
    let end = batches.iter().map(|batch| batch.committed_ms).max().unwrap_or(0).max(1) as f64;
    let lanes = lanes(batches);
    let Some(count) = lanes.iter().max().map(|lane| lane + 1) else { return html };
    let height = count as f64 * LANE + 34.0;
    let x = |ms: i64| 8.0 + 620.0 * (ms.max(0) as f64 / end).min(1.0);
    html.raw("<figure class=\"plot\"><figcaption>Batches, from their start to their commit</figcaption>");
    html.raw("<div class=\"scroll\"><svg viewBox=\"0 0 640 ")
        .at(height)
        .raw("\" role=\"img\" tabindex=\"0\" data-plot aria-label=\"");
    html.text(&format!("{} batches on {count} lanes. Arrow keys step through them; the table has all.", batches.len()));
    html.raw("\">");
    for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
        html.raw("<path class=\"grid\" d=\"M")
            .at(8.0 + 620.0 * part)
            .raw(" 4V")
            .at(height - 22.0)
            .raw("\"/><text class=\"tick\" y=\"");
        html.at(height - 8.0).raw("\" x=\"").at(8.0 + 620.0 * part).raw("\" text-anchor=\"").raw(anchor).raw("\">");
        html.text(&PlotUnit::Milliseconds.shown(end * part)).raw("</text>");
    }
    for (batch, lane) in batches.iter().zip(&lanes) {
        let (from, to) = (x(batch.started_ms), x(batch.committed_ms));
        let taken = PlotUnit::Milliseconds.shown((batch.committed_ms - batch.started_ms) as f64);
        html.raw("<g class=\"pt\"><title>");
        html.text(&format!("batch {}, {}: {} lines in {taken}", batch.batch_id, batch.entity, batch.lines));
        html.raw("</title><rect class=\"bar s0\" height=\"10\" x=\"")
            .at(from)
            .raw("\" y=\"")
            .at(*lane as f64 * LANE + 6.0);
        html.raw("\" width=\"").at((to - from).max(1.0)).raw("\"/></g>");
    }
    html.raw("</svg></div><p class=\"readout\" aria-live=\"polite\"></p></figure>\n");
    html
}

/// The first lane that is free when each batch begins. Batches are in the order of their starts.
fn lanes(batches: &[RunBatch]) -> Vec<usize> {
    let mut free_at: Vec<i64> = Vec::new();
    let lane = |batch: &RunBatch| {
        let lane = free_at.iter().position(|at| *at <= batch.started_ms).unwrap_or(free_at.len());
        match free_at.get_mut(lane) {
            Some(at) => *at = batch.committed_ms,
            None => free_at.push(batch.committed_ms),
        }
        lane
    };
    batches.iter().map(lane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_overlap_have_lanes_of_their_own() {
        let batch = |started_ms, committed_ms| RunBatch {
            batch_id: 1,
            entity: "sales".to_owned(),
            run_id: "r".to_owned(),
            lines: 1,
            rejected: 0,
            bytes: 1,
            attempt: 1,
            started_ms,
            committed_ms,
            timings: None,
        };
        assert_eq!(lanes(&[batch(0, 10), batch(5, 8), batch(8, 12), batch(10, 11)]), [0, 1, 1, 0]);
        assert!(timeline(&Html::up(""), &[]).is_empty());
    }
}
