//! What a file says of itself.

use serde_json::json;

use contractive::Model;
use contractive_core::Objective;

/// Keys with their values; lists are JSON.
#[derive(Default)]
pub(crate) struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// What is said of every file.
    pub(crate) fn new(kind: &str, model: &Model) -> Self {
        let mut all = Metadata::default();
        all.text("contractive.kind", kind);
        all.text("contractive.version", env!("CARGO_PKG_VERSION"));
        let provenance = model.provenance();
        all.text("contractive.trained_on", &provenance.data);
        all.text("contractive.trained_by_version", &provenance.version);
        all
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// Adds a number, to the last digit.
    pub(crate) fn number(&mut self, key: &str, value: f64) {
        self.text(key, &json!(value).to_string());
    }

    /// Adds a count.
    pub(crate) fn count(&mut self, key: &str, value: usize) {
        self.text(key, &value.to_string());
    }

    /// Adds names.
    pub(crate) fn names(&mut self, key: &str, names: &[String]) {
        self.text(key, &json!(names).to_string());
    }

    /// Adds what a model was trained for.
    pub(crate) fn objective(&mut self, objective: &Objective) {
        self.text("contractive.loss", objective.loss.name());
        self.text("contractive.penalty", objective.penalty.name());
        self.number("contractive.contraction", objective.contraction);
    }

    /// All of them.
    pub(crate) fn into_entries(self) -> Vec<(String, String)> {
        self.0
    }
}
