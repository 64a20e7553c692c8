//! Compact tables for the terminal: headers, right-aligned numbers, no boxes.

use comfy_table::{CellAlignment, Table, TableStyle};

/// A table without frame lines; columns whose header starts with `>` are right-aligned (the `>` is not printed).
pub fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(headers.iter().map(|h| h.trim_start_matches('>')));
    for row in rows {
        table.add_row(row);
    }
    for (i, header) in headers.iter().enumerate() {
        if let Some(column) = table.column_mut(i) {
            column.set_padding((0, 2));
            if header.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_and_lines_carry_no_trailing_blanks() {
        let text = table(&["entity", ">rows"], [vec!["sales".into(), "12".into()], vec!["x".into(), "3,456".into()]]);
        assert_eq!(text, "entity   rows\nsales      12\nx       3,456");
    }
}
