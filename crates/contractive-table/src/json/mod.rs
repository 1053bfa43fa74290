//! JSON documents of unknown origin, read into their types within bounds of memory.
//!
//! A text of `[1,1,1,…` becomes twelve times as large: eight bytes for two of the text, in a vector that doubles and is moved;
//! where a type is known by a tag, values are held as such first, of 32 bytes each. So what is read is counted, entry by
//! entry, with the size that its type has in memory, and refused before it comes to more than 64 MiB and four times the text.

mod account;
mod counted;
mod leaf;

use serde::Deserialize;

use account::Account;
use counted::Counted;
pub use leaf::Leaf;

/// Reads a document of which at most so much is kept as [`limits`](crate::limits) allows for a file of the text's size, the text included.
///
/// # Errors
/// Where the text is no such document, or comes to more.
pub fn from_json<'de, T: Deserialize<'de>>(text: &'de [u8]) -> serde_json::Result<T> {
    let account = Account::of(text);
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(Counted::new(&mut json, &account))?;
    json.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::from_json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    enum Tagged {
        Levels { levels: Vec<String>, shares: Option<Vec<f64>> },
        None,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Plain {
        Unit,
        Number(f64),
        Pair(u8, Vec<i32>),
        Named { a: Vec<u64> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        tagged: Vec<Tagged>,
        plain: Vec<Plain>,
        map: BTreeMap<String, Vec<f64>>,
        pair: (usize, [f64; 2]),
        word: Option<String>,
        nothing: (),
        letter: char,
    }

    fn document() -> Document {
        let levels = vec!["a\n\"b".to_owned(), "é".into(), String::new()];
        Document {
            tagged: vec![Tagged::Levels { levels, shares: Some(vec![0.5, 1e300]) }, Tagged::None],
            plain: vec![
                Plain::Unit,
                Plain::Number(-1.5),
                Plain::Pair(3, vec![-1]),
                Plain::Named { a: vec![u64::MAX; 9] },
            ],
            map: [("x".to_owned(), vec![1.0; 5]), (String::new(), vec![])].into(),
            pair: (7, [0.1, -0.0]),
            word: None,
            nothing: (),
            letter: 'ß',
        }
    }

    #[test]
    fn a_document_is_what_it_is_uncounted() {
        let text = serde_json::to_vec(&document()).unwrap();
        assert_eq!(from_json::<Document>(&text).unwrap(), document());
        for n in 0..text.len() {
            let (counted, plain) = (from_json::<Document>(&text[..n]), serde_json::from_slice::<Document>(&text[..n]));
            assert_eq!(counted.unwrap_err().to_string(), plain.unwrap_err().to_string());
        }
        assert!(from_json::<Document>(&[text, b" 1".to_vec()].concat()).is_err());
    }

    #[test]
    fn what_comes_to_more_than_its_text_accounts_for_is_refused() {
        let long = |entry: &str, n: usize| format!("[{}{entry}]", format!("{entry},").repeat(n - 1)).into_bytes();
        for n in [1 << 20, (1 << 20) + 1, 2_000_000] {
            assert_eq!(from_json::<Vec<f64>>(&long("0", n)).unwrap().len(), n);
        }
        // 192 MiB of 18, 96 MiB moved to 192 of 34 MiB, strings of 24 bytes.
        let refused = [
            from_json::<Vec<f64>>(&long("0", 9_000_000)).unwrap_err(),
            from_json::<Vec<String>>(&long("\"\"", 3_000_000)).map(drop).unwrap_err(),
            from_json::<Vec<Vec<f64>>>(&long("[1]", 2_000_000)).map(drop).unwrap_err(),
        ];
        assert!(refused.iter().all(|e| e.to_string().contains("accounts for")), "{refused:?}");
        // Held as values first.
        let tagged = [b"{\"kind\":\"none\",\"x\":".to_vec(), long("0", 2_000_000), b"}".to_vec()].concat();
        let error = from_json::<Tagged>(&tagged).unwrap_err();
        assert!(error.to_string().contains("accounts for"), "{error}");
        // Passed over: nothing is held.
        from_json::<serde::de::IgnoredAny>(&long("0", 9_000_000)).unwrap();
    }

    /// Far from what is refused: 300,000 columns with short names, nothing subtracted and nothing divided by.
    #[test]
    fn wide_tables_have_room() {
        let n = 300_000;
        let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
        let text = serde_json::to_vec(&(&names, vec![0.0; n], vec![1.0; n])).unwrap();
        let lists = from_json::<(Vec<String>, Vec<f64>, Vec<f64>)>(&text).unwrap();
        assert_eq!(lists, (names, vec![0.0; n], vec![1.0; n]));
    }

    #[test]
    fn what_is_held_for_a_moment_is_given_back() {
        let one = "{\"kind\":\"levels\",\"levels\":[\"a\",\"b\"]}";
        let text = format!("[{}{one}]", format!("{one},").repeat(300_000 - 1));
        assert_eq!(from_json::<Vec<Tagged>>(text.as_bytes()).unwrap().len(), 300_000);
    }
}
