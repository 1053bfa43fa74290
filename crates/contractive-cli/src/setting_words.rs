//! Settings written as words, such as `gaussian:0.3`, and the values of the configuration that they stand for.

use toml::{Table, Value};

use crate::errors::Usage;

/// A value as TOML reads it; what is no TOML is a string, so that words need no quotes.
pub(crate) fn any_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok();
    let only = parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    only.unwrap_or_else(|| Value::from(text))
}

/// Sizes of layers as a list.
pub(crate) fn sizes(list: &[usize]) -> Value {
    Value::Array(list.iter().map(|&size| Value::Integer(i64::try_from(size).unwrap_or(i64::MAX))).collect())
}

/// `16,64`, or `none`.
pub(crate) fn decoder(text: &str) -> Result<Value, Usage> {
    if text == "none" {
        return Ok(Value::from("none"));
    }
    let list: Result<Vec<usize>, _> = text.split(',').map(|size| size.trim().parse()).collect();
    list.map(|list| sizes(&list))
        .map_err(|_| Usage(format!("--decoder takes sizes such as 16,64, or none, got `{text}`")))
}

/// A number, kept as an integer where it is one, or the word that unsets the key.
pub(crate) fn number_or_word(flag: &str, text: Option<&str>, word: &str) -> Result<Option<Value>, Usage> {
    let Some(text) = text else { return Ok(None) };
    if text == word {
        return Ok(Some(Value::from(word)));
    }
    let whole = text.parse::<i64>().map(Value::from);
    let value = whole.or_else(|_| text.parse::<f64>().map(Value::from));
    value.map(Some).map_err(|_| Usage(format!("{flag} takes a number or `{word}`, got `{text}`")))
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
        let value = number_or_word(flag, Some(number), "").map_err(|_| wrong())?;
        table.extend(value.map(|value| ((*name).to_owned(), value)));
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
        assert!(number_or_word("--clip", Some("some"), "none").is_err());
    }
}
