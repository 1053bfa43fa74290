//! Text tables in aligned columns.

use std::borrow::Cow;

use contractive_table::message::visible_in_line;

/// The alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells, which may hold anything, as lines of text, two spaces between columns, none at the ends of lines.
pub(crate) fn aligned(sides: &[Side], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<Cow<'_, str>>> = rows.iter().map(|row| row.iter().map(|cell| of_cell(cell)).collect()).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..sides.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(sides.iter().zip(&widths))
            .map(|(cell, (side, width))| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A cell on one line, cut where it is long.
fn of_cell(cell: &str) -> Cow<'_, str> {
    const MOST: usize = 2048;
    match cell.char_indices().nth(MOST) {
        None => visible_in_line(cell),
        Some((end, _)) => Cow::Owned(format!("{}…", visible_in_line(&cell[..end]))),
    }
}

/// Pairs of a name and a value, the names in one column.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
    aligned(&[Side::Left, Side::Left], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters_not_bytes() {
        let rows = [vec!["‖J‖".to_owned(), "1".to_owned()], vec!["a".to_owned(), "10".to_owned()]];
        assert_eq!(aligned(&[Side::Left, Side::Right], &rows), "‖J‖   1\na    10\n");
    }

    #[test]
    fn a_cell_stays_in_its_place_whatever_it_holds() {
        let rows = [vec!["a\nb".to_owned(), "1".to_owned()], vec!["\x1b[2J".to_owned(), "2".to_owned()]];
        assert_eq!(aligned(&[Side::Left, Side::Left], &rows), "a\\nb       1\n\\u{1b}[2J  2\n");
        // More than the width of a column could be.
        let long = aligned(&[Side::Left], &[vec!["ä".repeat(100_000)]]);
        assert_eq!(long.chars().count(), 2050);
    }
}
