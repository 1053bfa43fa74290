//! What formulas in use for the penalty say of a model: the part of `cae inspect --verify` and `cae import` that tells it.

use contractive::Model;
use contractive::data::Dataset;
use contractive::preprocess::ScaledRows;
use contractive::verify::{Drawn, FormulaRecord, Verdict, Verification, drawn_rows, verify};
use serde::Serialize;

use crate::numbers::{count, significant};
use crate::table::{Side, aligned, pairs};

/// Rows looked at, unless --rows says otherwise: explicit Jacobians in 64 bits take their time.
const ROWS: usize = 64;
/// Most rows that are drawn, whatever is asked for.
const MOST_DRAWN: usize = 4096;
/// Formulas that a short form shows: the most copied ones.
const SHORT: [&str; 4] = ["logistic_last", "last_layer", "sum_gradient", "weight_product"];

/// What was found, and on which rows.
#[derive(Serialize)]
pub(super) struct Verified {
    /// The data set; none where rows were drawn.
    data: Option<String>,
    /// How they were drawn.
    drawn: Option<Drawn>,
    #[serde(flatten)]
    found: Verification,
}

impl Verified {
    /// Looks at the first rows of `data`, at most 64 or `most`; without data at as many drawn ones.
    pub(super) fn of(model: &Model, data: Option<&Dataset>, most: Option<usize>) -> anyhow::Result<Self> {
        let most = most.unwrap_or(ROWS);
        let (data, drawn, rows) = match data {
            None => {
                let (drawn, rows) = drawn_rows(model, most.min(MOST_DRAWN));
                (None, Some(drawn), rows)
            }
            Some(data) => {
                model.preprocessing().check(data)?;
                let mut rows = Vec::new();
                let first: Vec<u32> = (0..data.len().min(most) as u32).collect();
                ScaledRows { data, preprocessing: model.preprocessing() }.gather(&first, &mut rows);
                (Some(data.name().to_owned()), None, rows)
            }
        };
        Ok(Verified { data, drawn, found: verify(model.parameters(), &rows)? })
    }

    /// All formulas in a table.
    pub(super) fn in_words(&self) -> String {
        let head = ["formula", "", "value", "of ‖J‖²", "gradient", "cosine", "", "seen in"].map(str::to_owned).to_vec();
        let rows = self.found.formulas.iter().map(|told| {
            let [value, ratio, gradient, cosine, verdict] = cells(told);
            let (name, formula) = (told.name.to_owned(), told.formula.to_owned());
            vec![name, formula, value, ratio, gradient, cosine, verdict, told.seen_in.to_owned()]
        });
        let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        let [left, right] = [Side::Left, Side::Right];
        format!("{}\n{}", self.head(), aligned(&[left, left, right, right, right, right, left, left], &all))
    }

    /// The most copied formulas alone.
    pub(super) fn in_short(&self) -> String {
        let told = self.found.formulas.iter().filter(|told| SHORT.contains(&told.name));
        let rows: Vec<Vec<String>> = told
            .map(|told| {
                let [value, ratio, _, cosine, verdict] = cells(told);
                let cosine = if cosine == "-" { cosine } else { format!("cosine {cosine}") };
                vec![told.name.to_owned(), told.formula.to_owned(), value, format!("{ratio} of it"), cosine, verdict]
            })
            .collect();
        let [left, right] = [Side::Left, Side::Right];
        self.head() + &aligned(&[left, left, right, right, left, left], &rows)
    }

    fn head(&self) -> String {
        let n = count(self.found.rows, "row");
        let rows = match (&self.data, self.drawn) {
            (Some(data), _) => format!("{n} of {data}, in 64 bits"),
            (None, Some(Drawn::Uniform)) => {
                format!("{n} drawn between 0 and 1 from seed 0, in 64 bits; --data takes yours")
            }
            (None, _) => format!("{n} of standard normal numbers from seed 0, in 64 bits; --data takes yours"),
        };
        let exact = format!(
            "{}  mean squared Frobenius norm of the encoder's Jacobian",
            significant(self.found.squared_norm, 5)
        );
        pairs(&[("verified on", rows), ("‖J‖²", exact)])
    }
}

/// Value, its ratio, the gradient's, the cosine, and what that comes to.
fn cells(told: &FormulaRecord) -> [String; 5] {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| significant(value, 3));
    let verdict = match told.verdict {
        Verdict::Same => "the same here".to_owned(),
        Verdict::Factor => format!("right, times {}", shown(told.gradient_ratio)),
        Verdict::Different => "wrong here".to_owned(),
        Verdict::Inert => "no gradient".to_owned(),
    };
    let cosine = told.cosine.map_or_else(|| "-".to_owned(), |cosine| format!("{cosine:.3}"));
    [
        told.value.map_or_else(|| "too large".to_owned(), |value| significant(value, 4)),
        shown(told.ratio),
        shown(told.gradient_ratio),
        cosine,
        verdict,
    ]
}
