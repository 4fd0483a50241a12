//! Rows for people: a table where it fits the terminal, otherwise one paragraph for each row.

use std::fmt;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

/// Between and beside the columns of a table.
const FRAME: usize = 3;

/// Rows under the same titles. The first cell is what the next command is called with; it is never broken.
#[derive(Debug)]
pub struct Rows {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
    /// `None`: as wide as the terminal, and any width without one.
    width: Option<u16>,
}

/// Rows with these titles.
pub fn table(titles: &[&str]) -> Rows {
    Rows {
        titles: titles.iter().map(|&title| title.to_owned()).collect(),
        rows: Vec::new(),
        width: None,
    }
}

impl Rows {
    /// Adds a row. Cells that are left out at its end are empty.
    pub fn add_row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// No rows yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How wide each column must be so that no word is broken; the first column whole.
    fn least_widths(&self) -> Vec<usize> {
        let column = |place: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.get(place));
            let widths = cells.map(move |cell| match place {
                0 => width(cell),
                _ => longest_word(cell),
            });
            let title = self
                .titles
                .get(place)
                .map_or(0, |title| longest_word(title));
            widths.max().unwrap_or(0).max(title)
        };
        (0..self.titles.len()).map(column).collect()
    }

    fn as_table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(&self.titles);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        for row in &self.rows {
            table.add_row(row);
        }
        table
    }

    fn write_paragraphs(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        for (number, row) in self.rows.iter().enumerate() {
            let (first, others) = match row.split_first() {
                Some((first, others)) => (first.as_str(), others),
                None => continue,
            };
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{first}")?;
            let parts = self.titles.iter().skip(1).zip(others);
            let parts = parts.filter(|(_, cell)| !cell.is_empty());
            let parts: Vec<String> = parts
                .map(|(title, cell)| format!("{title} {cell}"))
                .collect();
            let mut column = width;
            for (place, part) in parts.iter().enumerate() {
                let end = if place + 1 < parts.len() { "," } else { "" };
                let wide = self::width(part) + end.len();
                if column + 1 + wide > width {
                    write!(f, "\n  {part}{end}")?;
                    column = 2 + wide;
                } else {
                    write!(f, " {part}{end}")?;
                    column += 1 + wide;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = self.as_table();
        let least = self.least_widths();
        let Some(terminal) = table.width().map(usize::from) else {
            return write!(f, "{table}");
        };
        let needed = least.iter().map(|width| width + FRAME).sum::<usize>() + 1;
        if needed > terminal && !self.rows.is_empty() {
            return self.write_paragraphs(f, terminal);
        }
        for (place, least) in least.into_iter().enumerate() {
            if let (Some(column), Ok(least)) = (table.column_mut(place), u16::try_from(least)) {
                // The constraint's width has the column's padding in it.
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least + 2)));
            }
        }
        write!(f, "{table}")
    }
}

/// Columns of a terminal, for what is printed here: Chinese, Japanese and Korean are two wide.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe4f | 0xff00..=0xff60
        | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

/// Lines may break at white space and beside wide characters.
fn longest_word(text: &str) -> usize {
    let (mut longest, mut word) = (0, 0);
    for c in text.chars() {
        if c.is_whitespace() {
            word = 0;
        } else if columns(c) > 1 {
            word = 0;
            longest = longest.max(2);
        } else {
            word += 1;
            longest = longest.max(word);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01kqjz0000000000000000000a";

    fn rows(width: u16) -> Rows {
        let mut rows = table(&["order", "title", "number", "ordered"]);
        rows.width = Some(width);
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        rows.add_row(row([
            ID,
            "乌龙茶 一级 清香型",
            "单 1",
            "2026-11-22 01:09:42",
        ]));
        rows.add_row(row([ID, "tea", "1", ""]));
        rows
    }

    #[test]
    fn chinese_is_two_columns_wide() {
        for width in [66, 80, 200] {
            let text = rows(width).to_string();
            assert_eq!(text.matches(ID).count(), 2, "{text}");
            let widths: std::collections::BTreeSet<usize> = text.lines().map(self::width).collect();
            assert_eq!(widths.len(), 1, "{width}: {text}");
            assert!(
                widths.iter().all(|line| *line <= usize::from(width)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_the_terminal_is_told_row_by_row_without_breaking_a_word() {
        let text = rows(40).to_string();
        let expected = format!(
            "{ID}\n  title 乌龙茶 一级 清香型, number 单 1,\n  ordered 2026-11-22 01:09:42\n{ID}\n  title tea, number 1"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_table_without_rows_shows_its_titles() {
        let mut rows = table(&["order", "a very long title indeed"]);
        rows.width = Some(10);
        assert!(rows.to_string().contains("order"), "{rows}");
    }
}
