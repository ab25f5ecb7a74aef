//! Columns of text for people.

use std::fmt;

use clap::builder::styling::Style;
use unicode_width::UnicodeWidthStr as _;

use super::printable;

const HEADER: Style = Style::new().bold();

/// Rows under headings, each column as wide as its widest cell.
pub struct Table {
    headings: Vec<String>,
    rows: Vec<(Style, Vec<String>)>,
    /// No line is wider.
    columns: usize,
    /// What is said instead when there are no rows.
    empty: &'static str,
}

impl Table {
    /// An empty table; `empty` is said instead of it while it has no rows.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>, empty: &'static str) -> Self {
        let headings = headings.into_iter().map(str::to_owned).collect();
        Self { headings, rows: Vec::new(), columns: usize::MAX, empty }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.row_in(Style::new(), cells);
    }

    /// Adds a row that stands out.
    pub fn row_in(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.rows.push((style, cells.into_iter().map(|cell| printable(&cell).replace('\n', " ")).collect()));
    }

    /// Cuts what a screen has no room for: the ends of lines, and the first rows.
    pub fn fit(&mut self, columns: usize, rows: usize) {
        self.columns = columns;
        self.rows.drain(..self.rows.len().saturating_sub(rows));
    }

    fn widths(&self) -> Vec<usize> {
        let width_of = |column: usize, heading: &String| {
            let cells = self.rows.iter().filter_map(|(_, row)| row.get(column)).map(|cell| cell.width());
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
        write!(formatter, "{HEADER}{}{HEADER:#}", line(&self.headings, &widths, self.columns))?;
        for (style, row) in &self.rows {
            write!(formatter, "\n{style}{}{style:#}", line(row, &widths, self.columns))?;
        }
        Ok(())
    }
}

fn line(cells: &[String], widths: &[usize], columns: usize) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
    }
    line.truncate(line.trim_end().len());
    while line.width() > columns {
        line.pop();
    }
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
    fn a_small_screen_shows_the_last_rows_and_the_beginnings_of_lines() {
        let mut table = Table::new(["id", "name"], "nothing");
        for name in ["first", "second", "third"] {
            table.row(["1".into(), name.into()]);
        }
        table.fit(8, 2);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        insta::assert_snapshot!(plain, @r"
        id  name
        1   seco
        1   thir
        ");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(Table::new(["id"], "no threads").to_string(), "no threads");
    }
}
