//! What a stored JSON document says of itself, before anything else of it is taken in.

use contractive_table::json::Leaf;

/// Letters of a word that are told.
const LONGEST: usize = 64;

/// The kind and the version of a document. Another version may differ in anything else, so all else is passed over; and
/// nothing of it is kept: as values in memory a document takes sixteen times its size.
#[derive(Debug, Default, Clone, PartialEq, serde::Deserialize)]
pub struct DocumentHead {
    #[serde(default)]
    kind: Option<Leaf>,
    #[serde(default)]
    format_version: Option<Leaf>,
}

impl DocumentHead {
    /// Reads the head of a document.
    ///
    /// # Errors
    /// Where the text is no JSON object.
    pub fn of(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }

    /// Its `kind`, if that is a word.
    pub fn kind(&self) -> Option<&str> {
        match &self.kind {
            Some(Leaf::Word(word)) => Some(start(word)),
            _ => None,
        }
    }

    /// Its `format_version`, if that is a whole number.
    pub fn version(&self) -> Option<u64> {
        match self.format_version {
            Some(Leaf::Whole(version)) => Some(version),
            _ => None,
        }
    }

    /// The version as messages show it.
    pub fn version_text(&self) -> String {
        match &self.format_version {
            None => "none".to_owned(),
            Some(Leaf::Whole(version)) => version.to_string(),
            Some(Leaf::Word(word)) => format!("{:?}", start(word)),
            Some(_) => "something else".to_owned(),
        }
    }
}

/// The first letters of a word.
fn start(word: &str) -> &str {
    word.char_indices().nth(LONGEST).map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_version_are_told_whatever_else_there_is() {
        let of = |text: &str| DocumentHead::of(text.as_bytes()).unwrap();
        let head = of(r#"{"kind": "detector", "x": [[1, {"y": 2}]], "format_version": 3}"#);
        assert_eq!((head.kind(), head.version(), head.version_text().as_str()), (Some("detector"), Some(3), "3"));
        for (text, got) in [
            ("{}", "none"),
            (r#"{"format_version": "2"}"#, "\"2\""),
            (r#"{"format_version": [1, {"a": 2}], "kind": -1.5}"#, "something else"),
            (r#"{"format_version": {"a": [2]}, "kind": null}"#, "something else"),
        ] {
            let head = of(text);
            assert_eq!((head.kind(), head.version(), head.version_text().as_str()), (None, None, got));
        }
        assert!(DocumentHead::of(b"1").is_err() && DocumentHead::of(b"{} x").is_err());
    }
}
