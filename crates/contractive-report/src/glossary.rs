//! What the words of a report mean: the one table of them, for the pages and for programs.

/// A word with what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// How it is written in a text, itself among them.
    pub forms: &'static [&'static str],
    /// What it means, in a sentence or three.
    pub meaning: &'static str,
}

const fn word(name: &'static str, forms: &'static [&'static str], meaning: &'static str) -> Word {
    Word { name, forms, meaning }
}

/// Every word, those first that others build on.
pub const GLOSSARY: [Word; 20] = [
    word(
        "code",
        &["code", "codes", "code unit", "code units"],
        "The numbers h that the encoder makes of a row. The decoder restores the row from them alone. Each comes from one \
         unit of the encoder's last layer.",
    ),
    word(
        "reconstruction",
        &["reconstruction", "reconstructions", "reconstructed"],
        "The row as the decoder restores it from the code.",
    ),
    word(
        "J",
        &["J"],
        "The Jacobian of the encoder, J = ∂h/∂x: for each number of the code and each feature of the row, how much the one \
         moves when the other does.",
    ),
    word(
        "‖J‖",
        &["‖J‖", "‖J‖_F"],
        "The size of J: the root of the sum of its squared entries (the Frobenius norm). It says how strongly the code moves \
         with the row, all directions taken together.",
    ),
    word(
        "penalty",
        &["penalty", "‖J‖²", "‖J‖²_F", "penalties", "jacobian"],
        "What training pays beside the reconstruction loss, times the setting contraction. A contractive autoencoder pays \
         ‖J‖²_F, the sum of the squared entries of J (the penalty jacobian), so that the code moves only where restoring the row needs it.",
    ),
    word(
        "contraction",
        &["contraction", "contractive"],
        "That the encoder draws rows together: their codes lie closer than the rows do. The contraction ratio is the distance \
         of two codes over that of their rows. The setting contraction is the weight of the penalty.",
    ),
    word(
        "singular value",
        &["singular value", "singular values"],
        "How strongly the code follows one direction of the input. J has one for each of as many directions as the code can \
         follow, at right angles to each other.",
    ),
    word(
        "spectrum",
        &["spectrum", "spectra"],
        "All singular values of J, largest first. A steep fall means that the code follows few directions.",
    ),
    word(
        "local dimension",
        &["local dimension", "local dimensions"],
        "About how many directions the code follows at a row: (Σs²)²/Σs⁴ of the singular values s of J. Where n of them are \
         alike and the rest are 0, it is n.",
    ),
    word(
        "manifold",
        &["manifold"],
        "The surface of few dimensions near which the rows lie, if they can vary in few ways only.",
    ),
    word(
        "saturation",
        &["saturation", "saturated"],
        "A unit is saturated at a row where its value is within 5 % of a bound of its activation, such as 0 or 1 of a \
         sigmoid. It has almost no slope there: J is small without anything learnt. Saturation is the share of such cases.",
    ),
    word(
        "dead unit",
        &["dead unit", "dead units", "dead code unit", "dead code units", "dead code", "dead"],
        "A unit that gives the same number for every row looked at. It tells nothing about a row.",
    ),
    word(
        "filter",
        &["filter", "filters"],
        "The weights from all features to one unit of the first layer, drawn as a picture: what the unit looks for.",
    ),
    word(
        "mse",
        &["mse", "mean squared error", "mean squared errors", "squared error a feature", "squared error a pixel"],
        "Mean squared error: the mean over a row's features of (x − x̂)², x̂ the reconstruction.",
    ),
    word(
        "sse",
        &["sse", "sum of squared errors", "squared error a row"],
        "Sum of squared errors: the sum over a row's features of (x − x̂)², x̂ the reconstruction. It is mse times the number \
         of features.",
    ),
    word(
        "bce",
        &["bce", "binary cross-entropy", "binary cross-entropy a feature"],
        "Binary cross-entropy, for features from 0 to 1: the mean over a row's features of −x ln x̂ − (1 − x) ln(1 − x̂). It \
         is not 0 for a perfect reconstruction, unless all x are 0 or 1.",
    ),
    word(
        "cross_entropy",
        &["cross_entropy", "cross-entropy"],
        "As bce, but the sum over a row's features: bce times the number of features.",
    ),
    word(
        "score",
        &["score", "scores"],
        "How unlike the training data a row is, in the judgement of a detector: higher is more anomalous.",
    ),
    word(
        "threshold",
        &["threshold"],
        "The score above which a row is called an anomaly. It was set by a rule on the scores in training, and can be changed \
         without training again.",
    ),
    word("drift", &["drift", "drifted"], "That the values of a table are no longer spread as they were in training."),
];

/// The word called `name`, or written so, in any case.
///
/// ```
/// assert_eq!(contractive_report::glossary::find("dead units").unwrap().name, "dead unit");
/// ```
pub fn find(name: &str) -> Option<&'static Word> {
    let is_written = |word: &&Word| word.forms.contains(&name);
    let is_alike = |word: &&Word| word.forms.iter().any(|form| form.eq_ignore_ascii_case(name));
    GLOSSARY.iter().find(is_written).or_else(|| GLOSSARY.iter().find(is_alike))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_found_however_they_are_written_and_no_two_alike() {
        let names: Vec<&str> = GLOSSARY.iter().flat_map(|word| word.forms).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(GLOSSARY.iter().all(|word| word.forms.contains(&word.name) && !word.meaning.contains('|')));
        for (name, found) in [("SSE", "sse"), ("Code units", "code"), ("J", "J"), ("‖J‖²", "penalty")] {
            assert_eq!(find(name).map(|word| word.name), Some(found));
        }
        assert_eq!(find("nothing"), None);
    }
}
