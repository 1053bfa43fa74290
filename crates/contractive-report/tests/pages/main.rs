//! Pictures and pages as a caller gets them. One program, for it links faster than two.

mod figures;
mod page;
mod series;
mod table;
