//! The ways of scaling.

use serde::{Deserialize, Serialize};

/// How features are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As they are.
    #[default]
    None,
    /// To [0, 1] over the training rows.
    Minmax,
    /// To mean 0 and standard deviation 1 (of the population) over the training rows.
    Standard,
    /// arsinh of (x − median)/spread, the spread being the interquartile range over 1.349 (the standard deviation, of
    /// normal numbers). Near the median it is linear, far out logarithmic: a few huge values do not rule.
    Robust,
    /// √12 · (rank of x among the training rows, 0 to 1, minus ½): [`Ranks`](super::Ranks). Any shape of a column comes
    /// out even, with mean 0 and standard deviation 1.
    Quantile,
}

impl Scale {
    /// Whether it is learnt from the order of all rows, which one pass in bounded memory does not give.
    pub fn needs_all_rows(self) -> bool {
        matches!(self, Scale::Robust | Scale::Quantile)
    }

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scale::None => "none",
            Scale::Minmax => "minmax",
            Scale::Standard => "standard",
            Scale::Robust => "robust",
            Scale::Quantile => "quantile",
        }
    }
}
