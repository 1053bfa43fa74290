//! Pictures of every format, in folders, archives and arrays; broken ones; sizes; masks.

mod archives;
mod broken;
mod formats;
mod masks;
mod places;
mod png;
mod scans;
mod sizes;
mod stream;
mod support;
mod tiff;
