//! The configuration, and how to repeat the run.

use crate::record::RunRecord;
use askama::Template;

use super::number::grouped;
use super::{ReportError, short_sum};

#[derive(Template)]
#[template(path = "panel/repeat.html")]
struct RepeatPanel {
    facts: Vec<(&'static str, String)>,
    config: String,
}

pub(super) fn panel(record: &RunRecord) -> Result<String, ReportError> {
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
    Ok(RepeatPanel { facts, config: record.config.to_toml()? }.render().map_err(crate::error::FigureError::from)?)
}
