//! Columns of text for people.

use std::fmt;

use clap::builder::styling::Style;
use unicode_width::UnicodeWidthStr as _;

use super::printable;

const HEADER: Style = Style::new().bold();

/// Rows under headings, each column as wide as its widest cell.
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What is said instead when there are no rows.
    empty: &'static str,
}

impl Table {
    /// An empty table; `empty` is said instead of it while it has no rows.
    pub fn new<const N: usize>(headings: [&str; N], empty: &'static str) -> Self {
        Self { headings: headings.map(str::to_owned).to_vec(), rows: Vec::new(), empty }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| printable(cell).replace('\n', " ")).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width_of = |column: usize, heading: &String| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
            cells.max().unwrap_or_default().max(heading.width())
        };
        self.headings.iter().enumerate().map(|(column, heading)| width_of(column, heading)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return formatter.write_str(self.empty);
        }
        let widths = self.widths();
        write!(formatter, "{HEADER}{}{HEADER:#}", line(&self.headings, &widths))?;
        for row in &self.rows {
            write!(formatter, "\n{}", line(row, &widths))?;
        }
        Ok(())
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up_by_what_the_eye_sees_and_control_characters_are_left_out() {
        let mut table = Table::new(["id", "name"], "nothing");
        table.row(["日本".into(), "a\u{1b}[31mb".into()]);
        table.row(["x".into(), "two\nlines".into()]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        insta::assert_snapshot!(plain, @r"
        id    name
        日本  a[31mb
        x     two lines
        ");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(Table::new(["id"], "no threads").to_string(), "no threads");
    }
}
