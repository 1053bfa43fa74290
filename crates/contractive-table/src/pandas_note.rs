//! What pandas writes into the schemas of Parquet and Arrow: which columns are the row index. All else of it is passed over.

use std::fmt;

use arrow_schema::Schema;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use crate::json::Leaf;

#[derive(serde::Deserialize)]
struct PandasNote {
    index_columns: Names,
}

/// The names in a list, beside ranges of numbers, which are described and not stored.
struct Names(Vec<String>);

/// The names that pandas wrote as those of the row index into a schema.
pub(super) fn index_columns(schema: &Schema) -> Vec<String> {
    let note = schema.metadata().get("pandas").and_then(|text| serde_json::from_str::<PandasNote>(text).ok());
    note.map_or_else(Vec::new, |note| note.index_columns.0)
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(entry) = list.next_element()? {
            if let Leaf::Word(name) = entry {
                names.push(name);
            }
        }
        Ok(Names(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_and_ranges_passed_over() {
        let of = |text: &str| {
            let metadata = std::collections::HashMap::from([("pandas".to_owned(), text.to_owned())]);
            index_columns(&Schema::new_with_metadata(Vec::<arrow_schema::Field>::new(), metadata))
        };
        let range = r#"{"kind": "range", "name": null, "start": 0, "stop": 3, "step": 1}"#;
        assert_eq!(of(&format!(r#"{{"columns": [{range}], "index_columns": ["a", {range}, null, "b"]}}"#)), ["a", "b"]);
        for none in ["", "{}", r#"{"index_columns": "a"}"#, r#"{"index_columns": [[]]}"#] {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
