//! Panels to one page.

use askama::Template;

use super::chart;
use super::error::ReportError;
use super::terms::Terms;
use crate::colour::{FRAME, GRID, INK, MINOR_GRID, Rgb, SERIES};
use crate::error::FigureError;

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
struct HtmlPage {
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

/// The page of these panels; empty ones are left out.
pub(super) fn assemble(
    title: &str,
    header: String,
    panels: Vec<(&'static str, &'static str, String)>,
    version: &str,
) -> Result<String, ReportError> {
    let note = "All numbers are of features as the network sees them, means over rows unless said otherwise.";
    assemble_with(title, header, panels, version, note)
}

/// [`assemble`] with a note of its own in the foot.
pub(super) fn assemble_with(
    title: &str,
    header: String,
    panels: Vec<(&'static str, &'static str, String)>,
    version: &str,
    note: &'static str,
) -> Result<String, ReportError> {
    let mut terms = Terms::new();
    let header = terms.marked("head", &header);
    let mut panels: Vec<_> = panels.into_iter().filter(|(.., markup)| !markup.is_empty()).collect();
    panels.iter_mut().for_each(|(id, _, markup)| *markup = terms.marked(id, markup));
    let words = terms.panel()?;
    if !words.is_empty() {
        panels.push(("words", "Words", words));
    }
    let page = HtmlPage {
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
    let others = [(INK, "ink"), (FRAME, "frame"), (GRID, "grid"), (MINOR_GRID, "faint")];
    series.chain(others.map(|(colour, name)| (colour, name.to_owned()))).map(swap).collect()
}
