//! A run, or several beside each other, as one HTML file that needs nothing else.
//!
//! One file a panel here, one template a panel in `templates/panel/`; `templates/page.html` holds them together with
//! `style.css` and `script.js`. Everything is visible without scripts; the script adds an epoch slider and switches.

mod assembly;
mod chart;
mod comparison;
mod error;
mod examples;
mod filters;
mod geometry;
mod header;
pub mod images;
mod legend;
mod loss;
mod network;
mod number;
mod picture;
mod repeat;
mod scatter;
pub mod series;
mod spread;
mod summary;
pub mod table;
mod table_rows;
mod table_scores;
mod terms;
mod units;

use assembly::assemble;

use crate::record::RunRecord;

pub use error::ReportError;
pub use legend::setting_names;
pub use repeat::Repeat;

/// One self-contained HTML file: a report on one run, or a comparison of several.
///
/// `repeat` is what the page of one run says about training it again. Several runs are called by the settings in which they
/// differ (`contraction = 1`), or by their names where many do; [`comparison_html`] always takes the names.
///
/// The same records give the same bytes. The page asks for nothing on the network, works without scripts, follows the
/// reader's light or dark mode, and can be read on a phone and printed.
///
/// # Errors
/// [`ReportError::Empty`] without a run; [`ReportError::Panel`] where numbers cannot be drawn, such as an image whose
/// sizes do not fit.
pub fn report_html(runs: &[RunRecord], repeat: &Repeat) -> Result<String, ReportError> {
    match runs {
        [] => Err(ReportError::Empty),
        [run] => single(run, repeat),
        several => {
            let mut named = several.to_vec();
            named.iter_mut().zip(legend::legends(several)?).for_each(|(run, legend)| run.name = legend);
            comparison::page(&named)
        }
    }
}

/// The page of [`report_html`] for several runs, each called by its name.
///
/// # Errors
/// As [`report_html`].
pub fn comparison_html(runs: &[RunRecord]) -> Result<String, ReportError> {
    if runs.is_empty() { Err(ReportError::Empty) } else { comparison::page(runs) }
}

fn single(run: &RunRecord, repeat: &Repeat) -> Result<String, ReportError> {
    let at = |panel: &'static str| move |source| ReportError::Panel { panel, run: run.name.clone(), source };
    let weights = if run.filters.picture_shape.is_some() { "Filters" } else { "Features" };
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
        ("repeat", "Repeat", repeat::panel(run, repeat)?),
    ];
    assemble(&run.name, summary::header(run)?, panels.into(), &run.provenance.version)
}
