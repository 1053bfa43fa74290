//! The configuration, and how to repeat the run.

use crate::record::RunRecord;
use askama::Template;

use super::error::ReportError;
use super::number::grouped;
use crate::error::FigureError;

/// How a reader trains a run again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repeat {
    /// What to type beside the run's configuration, saved as `config.toml`; the page names no command without it.
    pub command: Option<String>,
}

#[derive(Template)]
#[template(path = "panel/repeat.html")]
struct RepeatPanel<'a> {
    command: Option<&'a str>,
    facts: Vec<(&'static str, String)>,
    config: String,
}

pub(super) fn panel(record: &RunRecord, repeat: &Repeat) -> Result<String, ReportError> {
    // What made a model alone is not known.
    if record.is_of_model_alone() {
        return Ok(String::new());
    }
    let p = &record.provenance;
    let d = &record.data;
    let mut facts = vec![
        ("version", format!("contractive {}", p.version)),
        ("seed", p.seed.to_string()),
        ("data", d.name.clone()),
        (
            "rows",
            format!(
                "{} training, {} validation, {} test",
                grouped(d.training_rows),
                grouped(d.validation_rows),
                grouped(d.test_rows)
            ),
        ),
        ("scaling", d.scale.clone()),
    ];
    if let Some(sum) = &d.sha256 {
        facts.push(("data's SHA-256", short_sum(sum)));
    }
    if let Some(recipe) = &p.recipe {
        facts.push(("recipe", recipe.clone()));
    }
    let panel = RepeatPanel { command: repeat.command.as_deref(), facts, config: record.config.to_toml()? };
    Ok(panel.render().map_err(FigureError::from)?)
}

/// A checksum's first digits, enough to compare by eye.
fn short_sum(sum: &str) -> String {
    let short: String = sum.chars().take(16).collect();
    if short.len() < sum.len() { short + "…" } else { short }
}
