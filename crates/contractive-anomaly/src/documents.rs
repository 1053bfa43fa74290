//! The `config.json` of a detector: which kind it is of, and its contents.

use std::path::Path;

use contractive::model::{CONFIG_FILE, DocumentHead};
use contractive_table::json::from_json;
use contractive_table::limits::read_at_most;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Whether the directory `path` holds a `config.json` of at most `largest` bytes whose `kind` is this; nothing else is checked.
pub(crate) fn is_of_kind(path: &Path, kind: &str, largest: u64) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let text = read_at_most(&path.join(CONFIG_FILE), largest).ok();
    text.and_then(|text| serde_json::from_slice::<Kind>(&text).ok()).is_some_and(|file| file.kind == kind)
}

/// The contents of a document of one kind and version; else what is wrong with it.
pub(crate) fn document<T: DeserializeOwned>(text: &[u8], kind: &str, version: u64) -> Result<T, String> {
    let head = DocumentHead::of(text).map_err(|e| e.to_string())?;
    if head.kind() != Some(kind) {
        return Err(format!("`kind` must be \"{kind}\""));
    }
    if head.version() != Some(version) {
        return Err(format!("`format_version` must be {version}, got {}", head.version_text()));
    }
    from_json(text).map_err(|e| e.to_string())
}
