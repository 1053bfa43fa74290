//! CSV and JSON lines.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::QuoteStyle;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::sink::FrameSink;
use super::target::Target;
use crate::csv::named_separator;
use crate::frame::{Field, Frame, Values, number_text};
use crate::message::visible;

/// CSV under a line of names.
pub(super) struct CsvSink<W: Write> {
    lines: csv::Writer<W>,
    close: fn(W) -> io::Result<()>,
    /// Text as it is written.
    shown: fn(&str) -> Cow<'_, str>,
}

impl CsvSink<Target> {
    pub fn new(target: Target, separator: u8, fields: &[Field]) -> io::Result<Self> {
        Self::begin(target, separator, fields, Target::commit, |text| text.into())
    }

    /// For a terminal, which text must give no orders.
    pub fn on_terminal(target: Target, separator: u8, fields: &[Field]) -> io::Result<Self> {
        Self::begin(target, separator, fields, Target::commit, visible)
    }
}

impl CsvSink<GzEncoder<Target>> {
    pub fn packed(target: Target, separator: u8, fields: &[Field]) -> io::Result<Self> {
        let packer = GzEncoder::new(target, Compression::new(6));
        Self::begin(packer, separator, fields, |packer| packer.finish()?.commit(), |text| text.into())
    }
}

impl<W: Write> CsvSink<W> {
    fn begin(
        mut out: W,
        separator: u8,
        fields: &[Field],
        close: fn(W) -> io::Result<()>,
        shown: fn(&str) -> Cow<'_, str>,
    ) -> io::Result<Self> {
        // Of one column nothing shows that tabs would part it: readers then take commas.
        let separator = if fields.len() == 1 { b',' } else { separator };
        let names: Vec<String> = fields.iter().map(|field| shown(&field.name).into_owned()).collect();
        out.write_all(&line_of_names(separator, &names)?)?;
        let lines = quoting_zeros().delimiter(separator).buffer_capacity(1 << 16).from_writer(out);
        Ok(CsvSink { lines, close, shown })
    }
}

/// A writer that quotes what has a zero byte, which readers take for a sign of another encoding elsewhere: as it quotes what has
/// the character of comments.
fn quoting_zeros() -> csv::WriterBuilder {
    let mut builder = csv::WriterBuilder::new();
    builder.comment(Some(0));
    builder
}

/// The line of names. Readers tell from it what parts cells: names are quoted where one of them could be taken for that, or
/// for a byte order mark, and a name that is a whole `sep=;` line has a true one before it.
fn line_of_names(separator: u8, names: &[String]) -> io::Result<Vec<u8>> {
    let is_odd = |name: &String| name.contains([';', '\t', '\u{feff}']);
    let style = if names.iter().any(is_odd) { QuoteStyle::Always } else { QuoteStyle::Necessary };
    let mut line = quoting_zeros().delimiter(separator).quote_style(style).from_writer(Vec::new());
    line.write_record(names).map_err(io_error)?;
    let line = line.into_inner().map_err(|e| io::Error::other(e.to_string()))?;
    let before =
        if named_separator(&line).is_some() { vec![b's', b'e', b'p', b'=', separator, b'\n'] } else { Vec::new() };
    Ok([before, line].concat())
}

/// The kind of an I/O error survives: a broken pipe is no failure to shout about.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl<W: Write> FrameSink for CsvSink<W> {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        for row in 0..frame.n_rows() {
            for column in &frame.columns {
                match &column.values {
                    Values::Text(cells) => {
                        self.lines.write_field((self.shown)(cells[row].as_deref().unwrap_or_default()).as_bytes())
                    }
                    Values::Numbers(cells) if cells[row].is_nan() => self.lines.write_field(""),
                    Values::Numbers(cells) => self.lines.write_field(number_text(cells[row])),
                    values => self.lines.write_field(values.text(row).unwrap_or_default()),
                }
                .map_err(io_error)?;
            }
            self.lines.write_record(None::<&[u8]>).map_err(io_error)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let CsvSink { lines, close, .. } = *self;
        close(lines.into_inner().map_err(|e| io::Error::new(e.error().kind(), e.error().to_string()))?)
    }
}

/// One JSON object a row.
pub(super) struct JsonSink(Target);

impl JsonSink {
    pub fn new(target: Target) -> Self {
        JsonSink(target)
    }
}

impl FrameSink for JsonSink {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        for row in 0..frame.n_rows() {
            // Written by hand to keep the columns' order.
            for (i, column) in frame.columns.iter().enumerate() {
                self.0.write_all(if i == 0 { b"{" } else { b"," })?;
                serde_json::to_writer(&mut self.0, &column.name)?;
                self.0.write_all(b":")?;
                let value = match &column.values {
                    Values::Numbers(v) => Value::from(v[row]), // null for what is not finite
                    Values::Singles(v) => Value::from(v[row]),
                    Values::Integers(v) => v[row].map_or(Value::Null, Value::from),
                    Values::Unsigned(v) => v[row].map_or(Value::Null, Value::from),
                    Values::Booleans(v) => v[row].map_or(Value::Null, Value::from),
                    values => values.text(row).map_or(Value::Null, Value::from),
                };
                serde_json::to_writer(&mut self.0, &value)?;
            }
            self.0.write_all(b"}\n")?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;
    use crate::{FrameReader, FrameWriter, ReadOptions};

    #[test]
    fn a_terminal_gets_text_that_gives_no_orders_and_a_file_gets_it_whole() {
        let cells = vec![Some("a\x1b[2J".to_owned()), None];
        let frame =
            Frame { first_row: 0, columns: vec![Column { name: "b\u{9b}".into(), values: Values::Text(cells) }] };
        let written = |shown: fn(&str) -> Cow<'_, str>| {
            let mut sink = CsvSink::begin(Vec::new(), b',', &frame.fields(), |_| Ok(()), shown).unwrap();
            sink.write(&frame).unwrap();
            String::from_utf8(sink.lines.into_inner().unwrap()).unwrap()
        };
        assert_eq!(written(visible), "b\\u{9b}\na\\u{1b}[2J\n\"\"\n");
        assert_eq!(written(|text| text.into()), "b\u{9b}\na\x1b[2J\n\"\"\n");
    }

    #[test]
    fn names_that_look_like_separators_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        for names in [
            &["sep=;"][..],
            &["x;y"],
            &["x\ty"],
            &["a;b", "c"],
            &["\u{feff}a", "b"],
            &["a,b"],
            &["a", "b"],
            &["a\0", "b"],
        ] {
            for file in ["t.csv", "t.tsv", "t.csv.gz"] {
                let path = folder.path().join(file);
                let text = Values::Text(
                    ["1;2", "k\t5,5", "a,b", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
                        .map(|cell| Some(cell.to_owned()))
                        .to_vec(),
                );
                let columns: Vec<Column> =
                    names.iter().map(|name| Column { name: (*name).into(), values: text.clone() }).collect();
                let frame = Frame { first_row: 0, columns };
                let mut writer = FrameWriter::create(&path, &frame.fields()).unwrap();
                writer.write(&frame).unwrap();
                writer.finish().unwrap();
                let read = FrameReader::open(&path, &ReadOptions::default()).unwrap().next().unwrap();
                assert_eq!(read.unwrap(), frame, "{file} {names:?}");
            }
        }
    }
}
