//! Settings written as words, such as `gaussian:0.3`, and the values of the configuration that they stand for.

use toml::{Table, Value};

use crate::errors::Usage;

/// A value as TOML reads it; what is no TOML is a string, so that words need no quotes.
pub(crate) fn any_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok();
    let only = parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    only.unwrap_or_else(|| Value::from(text))
}

/// The values of `--set`, a value of TOML each: parted at commas that lie outside of lists, tables and quotes.
pub(crate) fn any_values(text: &str) -> Vec<&str> {
    let (mut depth, mut quote) = (0_usize, None);
    let parts: Vec<&str> = text
        .split(|c: char| {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0 && quote.is_none()
        })
        .map(str::trim)
        .collect();
    // A comma beside nothing is no list: `data.decimal=,` sets a comma.
    if parts.iter().any(|part| part.is_empty()) { vec![text.trim()] } else { parts }
}

/// Sizes of layers, as one word of the command line: `64,16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerSizes(Vec<usize>);

/// `64,16`.
pub(crate) fn layer_sizes(text: &str) -> Result<LayerSizes, String> {
    let size = |size: &str| size.trim().parse::<usize>().map_err(|e| format!("`{size}` is no size: {e}"));
    text.split(',').map(size).collect::<Result<_, _>>().map(LayerSizes)
}

/// Sizes of layers as a list.
pub(crate) fn sizes(LayerSizes(list): &LayerSizes) -> Value {
    Value::Array(list.iter().map(|&size| Value::Integer(i64::try_from(size).unwrap_or(i64::MAX))).collect())
}

/// `64-16`.
pub(crate) fn sizes_in_words(LayerSizes(list): &LayerSizes) -> String {
    list.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// `16,64`, or `none`.
pub(crate) fn decoder(text: &str) -> Result<Value, Usage> {
    if text == "none" {
        return Ok(Value::from("none"));
    }
    layer_sizes(text)
        .map(|list| sizes(&list))
        .map_err(|_| Usage(format!("--decoder takes sizes such as 16,64, or none, got `{text}`")))
}

/// A number, kept as an integer where it is one, or the word that unsets the key.
pub(crate) fn number_or_word(flag: &str, text: &str, word: &str) -> Result<Value, Usage> {
    if text == word {
        return Ok(Value::from(word));
    }
    let whole = text.parse::<i64>().map(Value::from);
    let value = whole.or_else(|_| text.parse::<f64>().map(Value::from));
    value.map_err(|_| Usage(format!("{flag} takes a number or `{word}`, got `{text}`")))
}

/// A table of `kind` and the numbers after it, as many as there are names; those from `required` on may be left out.
fn kind_with_numbers(flag: &str, form: &str, text: &str, names: &[&str], required: usize) -> Result<Table, Usage> {
    let wrong = || Usage(format!("{flag} must be {form}, got `{text}`"));
    let mut parts = text.split(':');
    let kind = parts.next().unwrap_or_default();
    let numbers: Vec<&str> = parts.collect();
    if numbers.len() < required || numbers.len() > names.len() {
        return Err(wrong());
    }
    let mut table = Table::from_iter([("kind".to_owned(), Value::from(kind))]);
    for (name, number) in names.iter().zip(numbers) {
        let value = number_or_word(flag, number, "").map_err(|_| wrong())?;
        table.insert((*name).to_owned(), value);
    }
    Ok(table)
}

/// `KIND:AMOUNT`, or `none`.
pub(crate) fn noise(text: &str) -> Result<Value, Usage> {
    const FORM: &str = "gaussian:SIGMA, masking:SHARE, salt_pepper:SHARE or none";
    let amount = match text.split(':').next() {
        Some("none") if text == "none" => return Ok(Value::from("none")),
        Some("gaussian") => "sigma",
        Some("masking" | "salt_pepper") => "share",
        _ => return Err(Usage(format!("--noise must be {FORM}, got `{text}`"))),
    };
    kind_with_numbers("--noise", FORM, text, &[amount], 1).map(Value::Table)
}

/// `KIND` with its numbers, as `step:EVERY:FACTOR`.
pub(crate) fn schedule(text: &str) -> Result<Value, Usage> {
    const FORM: &str = "constant, cosine[:FLOOR], step:EVERY:FACTOR or plateau:PATIENCE:FACTOR";
    let (names, required): (&[&str], usize) = match text.split(':').next() {
        Some("constant") => (&[], 0),
        Some("cosine") => (&["floor"], 0),
        Some("step") => (&["every", "factor"], 2),
        Some("plateau") => (&["patience", "factor"], 2),
        _ => return Err(Usage(format!("--schedule must be {FORM}, got `{text}`"))),
    };
    kind_with_numbers("--schedule", FORM, text, names, required).map(Value::Table)
}

/// `TARGET:WEIGHT`, or `none`.
pub(crate) fn sparsity(text: &str) -> Result<Value, Usage> {
    if text == "none" {
        return Ok(Value::from("none"));
    }
    let parts: Option<(f64, f64)> =
        text.split_once(':').and_then(|(target, weight)| Some((target.parse().ok()?, weight.parse().ok()?)));
    let Some((target, weight)) = parts else {
        return Err(Usage(format!("--sparsity must be TARGET:WEIGHT, such as 0.05:0.1, or none, got `{text}`")));
    };
    let entries = [("target".to_owned(), Value::from(target)), ("weight".to_owned(), Value::from(weight))];
    Ok(Value::Table(Table::from_iter(entries)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_words_are_refused_with_their_form() {
        for text in ["gaussian", "gaussian:x", "gaussian:1:2", "uniform:1", "none:1", ""] {
            assert!(noise(text).is_err_and(|e| e.0.contains("gaussian:SIGMA")), "{text}");
        }
        for text in ["step:10", "linear", "cosine:x", "constant:1"] {
            assert!(schedule(text).is_err_and(|e| e.0.contains("plateau:PATIENCE")), "{text}");
        }
        assert!(sparsity("0.05").is_err() && decoder("16,x").is_err());
        assert!(number_or_word("--clip", "some", "none").is_err() && layer_sizes("64,,16").is_err());
    }

    #[test]
    fn values_are_parted_at_commas_but_not_within_lists_and_quotes() {
        assert_eq!(any_values("64, 128"), ["64", "128"]);
        assert_eq!(any_values("[8, 4],[16]"), ["[8, 4]", "[16]"]);
        assert_eq!(any_values("{ kind = 'adam', beta2 = 0.9 }, sgd"), ["{ kind = 'adam', beta2 = 0.9 }", "sgd"]);
        assert_eq!(any_values("\"a,b.csv\""), ["\"a,b.csv\""]);
        assert_eq!(any_values(","), [","]);
    }
}
