//! What a stored JSON document says of itself, before anything else of it is taken in.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Letters of a word that are kept.
const LONGEST: usize = 64;

/// The kind and the version of a document. Another version may differ in anything else, so all else is passed over; and
/// nothing of it is kept: as values in memory a document takes sixteen times its size.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct DocumentHead {
    #[serde(default)]
    kind: Option<Entry>,
    #[serde(default)]
    format_version: Option<Entry>,
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
            Some(Entry::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// Its `format_version`, if that is a whole number.
    pub fn version(&self) -> Option<u64> {
        match self.format_version {
            Some(Entry::Whole(version)) => Some(version),
            _ => None,
        }
    }

    /// The version as messages show it.
    pub fn version_text(&self) -> String {
        match &self.format_version {
            None => "none".to_owned(),
            Some(Entry::Whole(version)) => version.to_string(),
            Some(Entry::Word(word)) => format!("{word:?}"),
            Some(Entry::Other) => "something else".to_owned(),
        }
    }
}

/// A value of which a number or a short word is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Whole(u64),
    Word(String),
    Other,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Entry, E> {
        Ok(Entry::Whole(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Entry, E> {
        Ok(Entry::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Entry, E> {
        Ok(Entry::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Entry, E> {
        Ok(Entry::Other)
    }

    fn visit_unit<E>(self) -> Result<Entry, E> {
        Ok(Entry::Other)
    }

    fn visit_str<E>(self, word: &str) -> Result<Entry, E> {
        Ok(Entry::Word(word.chars().take(LONGEST).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Entry, A::Error> {
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Entry, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Entry::Other)
    }
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
