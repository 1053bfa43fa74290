//! What is wrong with a model that trained to its end, and what to change.

use std::mem::discriminant;

use contractive_report::analysis::Concern;
use serde::Serialize;

use crate::numbers::significant;

/// A warning at the end of a training.
#[derive(Debug, Serialize)]
pub(crate) struct Warning {
    #[serde(flatten)]
    concern: Concern,
    /// The fault and the remedy in words.
    pub(crate) message: String,
}

impl Warning {
    /// Whether both are about the same fault, however large.
    pub(crate) fn is_like(&self, other: &Concern) -> bool {
        discriminant(&self.concern) == discriminant(other)
    }

    /// The fault.
    pub(crate) fn concern(&self) -> Concern {
        self.concern
    }

    /// The concern in terms of flags.
    pub(crate) fn new(concern: Concern) -> Self {
        let number = |value: f64| significant(value, 3);
        let message = match concern {
            Concern::DeadCode { units } => format!(
                "all {units} code units give the same number for every row: the code is dead; lower --learning-rate or \
                 --contraction, or give --code-activation leaky_relu or tanh"
            ),
            Concern::ConstantCode { code_deviation, rows_deviation } => format!(
                "the code is all but constant: it deviates by {} where the rows deviate by {}, and no more than their \
                 mean is restored; lower --contraction",
                number(code_deviation),
                number(rows_deviation)
            ),
            Concern::WorseThanMean { mse, variance } => format!(
                "the reconstruction is no better than the mean row: a squared error of {} a feature, where the mean has \
                 {}; raise --epochs, change --learning-rate, or lower --contraction",
                number(mse),
                number(variance)
            ),
        };
        Warning { concern, message }
    }
}
