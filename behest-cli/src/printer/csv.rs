//! Lines of CSV, RFC 4180, that no spreadsheet runs.

/// One line, without its end. A cell that begins as a formula gets an apostrophe in front: end users choose their ids.
pub fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&harmless(cell))).collect();
    cells.join(",")
}

fn harmless(cell: String) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{cell}") } else { cell }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n', '\'']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", "two\nlines", ""];
        let line = line(cells.map(str::to_owned));
        assert_eq!(line, "plain,\"a,b\",\"say \"\"hi\"\"\",\"'=1+1\",\"two\nlines\",");
    }
}
