//! Compact tables: headers, right-aligned numbers, no frame, and never wider than the terminal.

use std::sync::atomic::{AtomicUsize, Ordering};

use comfy_table::{CellAlignment, Table, TableStyle};

use super::terminal::{width_of, wrap};
use crate::visible;

/// 0 for no limit.
static COLUMNS: AtomicUsize = AtomicUsize::new(0);

/// Limits the width of all tables to that of the terminal. Without it, as for a file or a pipe, they are as
/// wide as necessary. Call it again when the terminal has changed.
pub fn fit_into(columns: usize) {
    COLUMNS.store(columns, Ordering::Relaxed);
}

/// A table without frame lines. Columns whose header starts with `>` are right-aligned; the `>` is not
/// printed. A table that is too wide for the terminal loses the columns in which every cell is empty or 0,
/// then those whose header starts with `~`, the last one first, and names them. If it is still too wide it is
/// written row by row: the first cell, then each value after its name.
pub fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    // Names come from elsewhere: a cell is one line without control characters.
    let shown = |row: Vec<String>| row.iter().map(|cell| visible::line(cell).into_owned()).collect();
    let columns = Some(COLUMNS.load(Ordering::Relaxed)).filter(|columns| *columns > 0);
    fitted(headers, rows.into_iter().map(shown).collect(), columns)
}

fn fitted(headers: &[&str], rows: Vec<Vec<String>>, columns: Option<usize>) -> String {
    let text = aligned(headers, &rows);
    let Some(columns) = columns else { return text };
    let fits = |text: &str| text.lines().all(|line| width_of(line) <= columns);
    if fits(&text) {
        return text;
    }
    let says =
        |i: &usize| *i == 0 || rows.iter().any(|row| !matches!(row.get(*i).map_or("", String::as_str), "" | "0"));
    let (kept, dropped): (Vec<usize>, Vec<usize>) = (0..headers.len()).partition(says);
    let only = |kept: &[usize]| {
        let names: Vec<&str> = kept.iter().map(|i| headers[*i]).collect();
        let cells = |row: &Vec<String>| -> Vec<String> {
            kept.iter().map(|i| row.get(*i).cloned().unwrap_or_default()).collect()
        };
        aligned(&names, &rows.iter().map(cells).collect::<Vec<Vec<String>>>())
    };
    let (mut kept, mut left_out) = (kept, Vec::new());
    let mut text = only(&kept);
    while !fits(&text) {
        let Some(last) = kept.iter().rposition(|i| headers[*i].starts_with('~')) else {
            return stacked(headers, &rows, columns);
        };
        left_out.insert(0, kept.remove(last));
        text = only(&kept);
    }
    for (word, columns_of) in [("empty or 0", dropped), ("no room for", left_out)] {
        let names: Vec<&str> = columns_of.iter().map(|i| name_of(headers[*i])).collect();
        if !names.is_empty() {
            text += &format!("\n{}", wrap(&format!("{word}: {}", names.join(", ")), Some(columns)));
        }
    }
    text
}

/// A header as it is printed.
fn name_of(header: &str) -> &str {
    header.trim_start_matches(['~', '>'])
}

fn aligned(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(headers.iter().map(|h| name_of(h)));
    for row in rows {
        table.add_row(row);
    }
    for (i, header) in headers.iter().enumerate() {
        if let Some(column) = table.column_mut(i) {
            column.set_padding((0, 2));
            if header.trim_start_matches('~').starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn stacked(headers: &[&str], rows: &[Vec<String>], columns: usize) -> String {
    let mut lines = Vec::new();
    for row in rows {
        lines.push(row.first().cloned().unwrap_or_default());
        // A non-breaking space keeps name and value together.
        let pair =
            |(header, cell): (&&str, &String)| format!("{} {cell}", name_of(header)).trim().replace(' ', "\u{a0}");
        let pairs: Vec<String> =
            headers.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()).map(pair).collect();
        lines.push(wrap(&format!("  {}", pairs.join(" · ")), Some(columns)).replace("\n    ", "\n  "));
    }
    lines.join("\n").replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_and_lines_carry_no_trailing_blanks() {
        let text = table(&["entity", ">rows"], [vec!["sales".into(), "12".into()], vec!["x".into(), "3,456".into()]]);
        assert_eq!(text, "entity   rows\nsales      12\nx       3,456");
    }

    #[test]
    fn a_table_that_is_too_wide_is_written_row_by_row() {
        let headers = ["entity", ">set aside", ">rows", "newest run"];
        let rows = vec![
            vec!["sales".to_owned(), "0".to_owned(), "3,456".to_owned(), "20260110T020501Z".to_owned()],
            vec!["売上".to_owned(), "1".to_owned(), String::new(), "-".to_owned()],
        ];
        assert_eq!(
            fitted(&headers, rows.clone(), Some(36)),
            "sales\n  set aside 0 · rows 3,456 ·\n  newest run 20260110T020501Z\n売上\n  set aside 1 · newest run -"
        );
        assert!(fitted(&headers, rows.clone(), Some(80)).starts_with("entity  set aside"));
        let zeros = vec![vec!["sales".to_owned(), "0".to_owned(), "3,456".to_owned(), String::new()]];
        assert_eq!(
            fitted(&headers, zeros, Some(30)),
            "entity   rows\nsales   3,456\nempty or 0: set aside, newest\n  run"
        );
        for columns in 30..100 {
            let text = fitted(&headers, rows.clone(), Some(columns));
            assert!(text.lines().all(|line| width_of(line) <= columns), "{columns}:\n{text}");
        }
    }

    #[test]
    fn columns_of_less_importance_make_room_for_the_others() {
        let headers = ["id", "state", "~>rows", "~>rows/s"];
        let rows = vec![vec!["a".to_owned(), "succeeded".to_owned(), "1,234,567".to_owned(), "89".to_owned()]];
        assert_eq!(
            fitted(&headers, rows.clone(), Some(40)),
            "id  state           rows  rows/s\na   succeeded  1,234,567      89"
        );
        assert_eq!(
            fitted(&headers, rows.clone(), Some(26)),
            "id  state           rows\na   succeeded  1,234,567\nno room for: rows/s"
        );
        assert_eq!(fitted(&headers, rows, Some(22)), "id  state\na   succeeded\nno room for: rows,\n  rows/s");
    }

    #[test]
    fn a_cell_neither_steers_the_terminal_nor_breaks_its_line() {
        let text = table(&["object"], [vec!["a\u{1b}[2J\nb\u{202e}".into()]]);
        assert_eq!(text, "object\na\\u{1b}[2J\\nb\\u{202e}");
    }
}
