//! Detectors from the public door, in one program.

mod degenerate;
mod detector_formats;
mod detector_shared;
mod detector_table;
mod examples;
mod old_detectors;
mod populated;
#[path = "../../../contractive-table/tests/tables/table_support/mod.rs"]
mod table_support;
