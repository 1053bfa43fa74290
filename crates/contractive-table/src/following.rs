//! Files of one table, opened one after the other: each must have the columns of the first.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use crate::error::TableError;
use crate::format::Format;
use crate::frame::{Field, Kind};
use crate::frame_source::{FrameSource, ReadOptions};
use crate::share::Piece;

/// How a file is opened.
pub(crate) type Open = fn(&Path, &ReadOptions) -> Result<Box<dyn FrameSource>, TableError>;

/// A file under way, with its path.
pub(crate) type Opened = (Box<dyn FrameSource>, PathBuf);

/// What is read after the piece at hand.
pub(crate) struct Following {
    /// Opens a file.
    pub open: Open,
    /// The table's first file, and its columns.
    pub first: PathBuf,
    pub fields: Vec<Field>,
    pub pieces: VecDeque<Piece>,
    pub options: ReadOptions,
}

impl Following {
    /// The next piece and its file; `None` after the last one.
    pub fn open_next(&mut self) -> Result<Option<Opened>, TableError> {
        let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
        Ok(Some((self.open_piece(&piece)?, piece.path)))
    }

    /// The piece as the first file has it: columns in its order, and of its kinds.
    fn open_piece(&self, piece: &Piece) -> Result<Box<dyn FrameSource>, TableError> {
        let options = ReadOptions { row_groups: piece.row_groups.clone(), ..self.options.clone() };
        let reader = (self.open)(&piece.path, &options)?;
        if reader.fields() == self.fields {
            return Ok(reader);
        }
        self.check_names(piece, reader.fields())?;
        let of_kind = |kind: Kind| {
            let names = self.fields.iter().filter(move |field| field.kind == kind).map(|field| field.name.clone());
            names.collect::<Vec<_>>()
        };
        let (texts, mut numbers) = (of_kind(Kind::Text), of_kind(Kind::Number));
        let columns = Some(self.fields.iter().map(|field| field.name.clone()).collect());
        let mut options = ReadOptions { columns, ..options };
        if Format::of(&piece.path) == Some(Format::Csv) {
            // Text tables are guessed by their first lines: here the guess is made already, and a cell that is none is told.
            options.as_text.extend(texts);
        } else {
            let numeric = reader.fields().iter().filter(|field| field.kind.is_numeric());
            let numeric: HashSet<&str> = numeric.map(|field| field.name.as_str()).collect();
            numbers.retain(|name| numeric.contains(name.as_str()));
        }
        options.as_numbers.extend(numbers);
        let reader = (self.open)(&piece.path, &options)?;
        for (field, first) in reader.fields().iter().zip(&self.fields) {
            if field.kind != first.kind {
                let what = format!("has {} in", field.kind.name());
                return Err(self.other(piece, &field.name, what, format!("has {}", first.kind.name())));
            }
        }
        Ok(reader)
    }

    fn check_names(&self, piece: &Piece, fields: &[Field]) -> Result<(), TableError> {
        fn names(fields: &[Field]) -> HashSet<&str> {
            fields.iter().map(|field| field.name.as_str()).collect()
        }
        let (here, first) = (names(fields), names(&self.fields));
        if let Some(field) = self.fields.iter().find(|field| !here.contains(field.name.as_str())) {
            return Err(self.other(piece, &field.name, "lacks".into(), "has it".into()));
        }
        match fields.iter().find(|field| !first.contains(field.name.as_str())) {
            // Where columns are chosen by name, a file may have more.
            Some(field) if self.options.columns.is_none() => {
                Err(self.other(piece, &field.name, "has".into(), "does not".into()))
            }
            _ => Ok(()),
        }
    }

    fn other(&self, piece: &Piece, column: &str, what: String, than: String) -> TableError {
        let (path, first) = (piece.path.clone(), self.first.clone());
        TableError::OtherColumns { path, first, column: column.to_owned(), what, than }
    }
}
