//! Columns that name their rows and say nothing of them.

/// What a user should know of a column that looks like an identifier: whole numbers, no two of them equal, which ascend
/// from row to row or are called so.
pub(super) fn id_note(name: &str, values: &[f64]) -> Option<String> {
    /// Rows from which chance no longer explains it.
    const FEWEST: usize = 20;
    if values.len() < FEWEST || values.iter().any(|v| v.fract() != 0.0) {
        return None;
    }
    let ascends = values.is_sorted_by(|a, b| a < b);
    let lower = name.to_lowercase();
    let is_called_so =
        lower.split(|c: char| !c.is_alphanumeric()).any(|word| ["id", "uid", "key", "index"].contains(&word));
    let is_unique = || {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.is_sorted_by(|a, b| a < b)
    };
    (ascends || (is_called_so && is_unique())).then(|| {
        format!(
            "`{name}` looks like an identifier: every row has another whole number. It is learnt from as it stands; named \
             as a key it would only be carried to the output"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_looks_like_an_identifier_is_named() {
        let counted: Vec<f64> = (0..40).map(|i| f64::from(1000 + i)).collect();
        let shuffled: Vec<f64> = (0..40).map(|i| f64::from(i * 17 % 41)).collect();
        let halves: Vec<f64> = counted.iter().map(|v| v / 2.0).collect();
        let repeated: Vec<f64> = (0..40).map(|i| f64::from(i / 2)).collect();
        assert!(id_note("serial", &counted).is_some_and(|note| note.contains("`serial`") && note.contains("key")));
        assert!(id_note("order_id", &shuffled).is_some() && id_note("orderId", &shuffled).is_none());
        for (name, values) in [("amount", &shuffled), ("id", &halves), ("id", &repeated)] {
            assert_eq!(id_note(name, values), None, "{name}");
        }
        assert_eq!(id_note("id", &counted[..10]), None, "too few rows to tell");
    }
}
