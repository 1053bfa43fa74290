//! Arrow files.

use std::collections::HashMap;
use std::io;

use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::SchemaRef;

use super::arrow_frame::{batch, schema};
use super::sink::{FrameSink, Said};
use super::target::Target;
use crate::frame::{Field, Frame};

/// Arrow's file format, not packed.
pub(super) struct IpcSink {
    schema: SchemaRef,
    writer: FileWriter<Target>,
}

impl IpcSink {
    pub fn new(target: Target, fields: &[Field], said: Said<'_>) -> io::Result<Self> {
        let said = said.map(|(key, text)| (key.to_owned(), text.to_owned()));
        let schema =
            schema(fields).as_ref().clone().with_metadata(said.into_iter().collect::<HashMap<String, String>>());
        let schema = SchemaRef::new(schema);
        // Aligned to 8 bytes, as the format says; the crate's default of 64 also pads the magic word.
        let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(io::Error::other)?;
        let writer = FileWriter::try_new_with_options(target, &schema, options).map_err(io::Error::other)?;
        Ok(IpcSink { schema, writer })
    }
}

impl FrameSink for IpcSink {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        if frame.n_rows() == 0 {
            return Ok(());
        }
        self.writer.write(&batch(&self.schema, frame)?).map_err(io::Error::other)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.writer.into_inner().map_err(io::Error::other)?.commit()
    }
}
