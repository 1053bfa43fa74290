//! A run, or several beside each other, as one HTML file that needs nothing else.
//!
//! One file a panel here, one template a panel in `templates/panel/`; `templates/page.html` holds them together with
//! `style.css` and `script.js`. Everything is visible without scripts; the script adds an epoch slider and switches.

mod chart;
mod comparison;
mod examples;
mod filters;
mod geometry;
mod header;
mod loss;
mod network;
mod number;
mod picture;
mod repeat;
mod scatter;
pub mod series;
mod spread;
mod summary;
mod units;

use crate::record::RunRecord;
use askama::Template;
use contractive::config::ConfigError;
use thiserror::Error;

use crate::colour::{GRID, INK, MINOR_GRID, Rgb, SERIES};
use crate::error::FigureError;

/// Why a report could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no run to report on.
    #[error("a report needs at least one run, got none")]
    Empty,
    /// A picture of a run could not be drawn.
    #[error("cannot draw the {panel} of run {run}: {source}")]
    Panel {
        /// The part of the page.
        panel: &'static str,
        /// The run's name.
        run: String,
        /// What was wrong with the numbers.
        source: FigureError,
    },
    /// A configuration cannot be written out.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A template could not be filled: a fault in this crate.
    #[error(transparent)]
    Figure(#[from] FigureError),
}

/// A link within the page.
struct Link {
    id: &'static str,
    name: &'static str,
}

/// The colour of a series as plotters writes it, and the style sheet's variable.
struct Swap {
    hex: String,
    variable: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    title: String,
    header: String,
    links: Vec<Link>,
    panels: Vec<String>,
    version: String,
    note: &'static str,
    swaps: Vec<Swap>,
    script: &'static str,
    style: &'static str,
}

/// One self-contained HTML file: a report on one run, or a comparison of several.
///
/// The same records give the same bytes. The page asks for nothing on the network, works without scripts, follows the
/// reader's light or dark mode, and can be read on a phone and printed.
///
/// # Errors
/// [`ReportError::Empty`] without a run; [`ReportError::Panel`] where numbers cannot be drawn, such as an image whose
/// sizes do not fit.
pub fn report_html(runs: &[RunRecord]) -> Result<String, ReportError> {
    match runs {
        [] => Err(ReportError::Empty),
        [run] => single(run),
        several => comparison::page(several),
    }
}

fn single(run: &RunRecord) -> Result<String, ReportError> {
    let at = |panel: &'static str| move |source| ReportError::Panel { panel, run: run.name.clone(), source };
    let weights = if run.filters.image_shape.is_some() { "Filters" } else { "Features" };
    let panels = [
        ("examples", "Examples", examples::panel(run).map_err(at("examples"))?),
        ("loss", "Loss", loss::panel(run).map_err(at("losses"))?),
        ("network", "Network", network::panel(run).map_err(at("network"))?),
        ("filters", weights, filters::panel(run).map_err(at("filters"))?),
        ("spectrum", "Spectrum", geometry::spectrum(run).map_err(at("spectrum"))?),
        ("contraction", "Contraction", geometry::contraction(run).map_err(at("contraction ratio"))?),
        ("spread", "Spread", spread::panel(run).map_err(at("histograms"))?),
        ("codes", "Codes", scatter::panel(run).map_err(at("codes"))?),
        ("units", "Units", units::panel(run).map_err(at("units"))?),
        ("repeat", "Repeat", repeat::panel(run)?),
    ];
    assemble(&run.name, summary::header(run)?, panels.into(), &run.provenance.version)
}

/// The page of these panels; empty ones are left out.
fn assemble(
    title: &str,
    header: String,
    panels: Vec<(&'static str, &'static str, String)>,
    version: &str,
) -> Result<String, ReportError> {
    let note = "All numbers are of features as the network sees them, means over rows unless said otherwise.";
    assemble_with(title, header, panels, version, note)
}

/// [`assemble`] with a note of its own in the foot.
fn assemble_with(
    title: &str,
    header: String,
    panels: Vec<(&'static str, &'static str, String)>,
    version: &str,
    note: &'static str,
) -> Result<String, ReportError> {
    let panels: Vec<_> = panels.into_iter().filter(|(.., markup)| !markup.is_empty()).collect();
    let page = Page {
        title: title.to_owned(),
        header,
        links: panels.iter().map(|(id, name, _)| Link { id, name }).collect(),
        panels: panels.into_iter().map(|(.., markup)| markup).collect(),
        version: version.to_owned(),
        note,
        swaps: swaps(),
        script: include_str!("../../templates/script.js"),
        style: include_str!("../../templates/style.css"),
    };
    Ok(page.render().map_err(FigureError::from)?)
}

/// Colours that the style sheet replaces, so that drawings follow light and dark mode.
fn swaps() -> Vec<Swap> {
    let swap = |(colour, variable): (Rgb, String)| Swap { hex: chart::hex(colour), variable };
    let series = SERIES.iter().enumerate().map(|(i, colour)| (*colour, format!("s{i}")));
    let others = [(INK, "ink"), (crate::colour::FRAME, "frame"), (GRID, "grid"), (MINOR_GRID, "faint")];
    series.chain(others.map(|(colour, name)| (colour, name.to_owned()))).map(swap).collect()
}

/// A checksum's first digits, enough to compare by eye.
fn short_sum(sum: &str) -> String {
    let short: String = sum.chars().take(16).collect();
    if short.len() < sum.len() { short + "…" } else { short }
}
