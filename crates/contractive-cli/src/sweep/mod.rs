//! Several training runs side by side, which differ in some settings.
//!
//! [`plan`] says which runs, [`folder`] where they lie, [`crew`] how many are trained at once, [`rows`] reads their data once,
//! [`one_run`] trains one of them, [`board`] shows how it goes, [`result`] is what a run came to, [`columns`] which of its numbers are shown, [`table`] the means over seeds,
//! [`results_files`] their files, [`end`] what is left at the end, and [`whole`] all of it. Nothing here knows why the runs differ: `cae train` and
//! `cae compare` say that.

pub(crate) mod arguments;
mod board;
mod columns;
mod crew;
mod end;
mod folder;
mod one_run;
pub(crate) mod plan;
pub(crate) mod result;
mod results_files;
mod rows;
pub(crate) mod table;
pub(crate) mod whole;

pub(crate) use folder::SweepFolder;
