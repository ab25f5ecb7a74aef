//! `behest usage export`: every record of a project, as it is streamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use behest_core::client::UsageQuery;

use crate::args::ExportFormat;
use crate::control::Operator;
use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};

/// The export has nowhere to go.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Explain for FileError {}

/// Writes the records that the query selects to `output`, or to standard output.
///
/// # Errors
/// [`Report`]; a file is then as it was before.
pub async fn run(
    operator: &Operator,
    query: &UsageQuery,
    format: ExportFormat,
    output: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let (name, columns) = match format {
        ExportFormat::Csv => ("usage.csv", None),
        ExportFormat::Jsonl => ("usage.jsonl", None),
        ExportFormat::Focus => ("usage.csv", Some("focus")),
    };
    let query = [
        ("columns", columns),
        ("from", query.from.as_deref()),
        ("to", query.to.as_deref()),
        ("user_id", query.user_id.as_deref()),
        ("session_id", query.session_id.as_deref()),
        ("thread_id", query.thread_id.as_deref()),
        ("model", query.model.as_deref()),
        ("provider", query.provider.as_deref()),
        ("tier", query.tier.as_deref()),
        ("tag", query.tag.as_deref()),
        ("api_key_id", query.api_key_id.as_deref()),
        ("status", query.status.as_deref()),
    ];
    let mut answer = operator.control.open(&["projects", &project, name], &query).await?;
    let Some(output) = output else {
        while let Some(piece) = operator.control.piece(&mut answer).await? {
            printer.bytes(&piece)?;
        }
        return Ok(ExitStatus::Success);
    };
    let mut file = Growing::create(output)?;
    while let Some(piece) = operator.control.piece(&mut answer).await? {
        file.write(&piece)?;
    }
    let bytes = file.finish()?;
    printer.say(format_args!("wrote {bytes} bytes to {}", output.display()));
    Ok(ExitStatus::Success)
}

/// A file that stands beside the one to be until it is whole, so that half an export is never taken for one.
struct Growing<'a> {
    wanted: &'a Path,
    part: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    is_whole: bool,
}

impl<'a> Growing<'a> {
    fn create(wanted: &'a Path) -> Result<Self, FileError> {
        let mut name = OsString::from(wanted);
        name.push(".part");
        let part = PathBuf::from(name);
        let file = File::create(&part).map_err(|source| FileError { path: part.clone(), source })?;
        Ok(Self { wanted, part, file: BufWriter::new(file), bytes: 0, is_whole: false })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), FileError> {
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).map_err(|source| self.error(source))
    }

    fn finish(mut self) -> Result<u64, FileError> {
        let finished = self.file.flush().and_then(|()| fs::rename(&self.part, self.wanted));
        finished.map_err(|source| self.error(source))?;
        self.is_whole = true;
        Ok(self.bytes)
    }

    fn error(&self, source: io::Error) -> FileError {
        FileError { path: self.wanted.to_owned(), source }
    }
}

impl Drop for Growing<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            // Best effort: what matters is why it is not whole, and that is being told.
            let _ = fs::remove_file(&self.part);
        }
    }
}
