//! Detectors from the public door, in one program.

mod detector_formats;
mod detector_table;
mod examples;
mod table_support;
