//! Rows in the units of the data as the network takes them, and back: `contractive::preprocess::Preprocessing`.

use contractive::preprocess::{Counts, Preprocessing, Ranks, Scale};

use crate::graph::{Element, Graph, Value};
use crate::ranks::RankTable;

/// A scaling in a graph.
pub(crate) struct Scaler<'g> {
    counts: Counts,
    way: Way<'g>,
    clips: bool,
}

/// How numbers are scaled.
enum Way<'g> {
    None,
    Line { offset: Value<'g>, factor: Value<'g>, is_arsinh: bool },
    Ranks(RankTable<'g>),
}

impl<'g> Scaler<'g> {
    /// The scaling of `preprocessing`.
    pub(crate) fn new(graph: &'g Graph, preprocessing: &Preprocessing) -> Self {
        let d = preprocessing.n_features();
        let row = |values: &[f64]| graph.doubles(&[1, d], values);
        let way = match preprocessing.scale() {
            Scale::None => Way::None,
            Scale::Quantile => {
                Way::Ranks(RankTable::new(graph, &preprocessing.ranks().iter().collect::<Vec<&Ranks>>()))
            }
            scale => Way::Line {
                offset: row(preprocessing.offset()),
                factor: row(preprocessing.factor()),
                is_arsinh: scale == Scale::Robust,
            },
        };
        Scaler { counts: preprocessing.counts(), way, clips: preprocessing.clip() }
    }

    /// Rows of 64-bit numbers as the network takes them, in 32 bits, (N, d).
    pub(crate) fn scaled(&self, rows: Value<'g>) -> Value<'g> {
        let rows = self.counted(rows);
        let scaled = match &self.way {
            Way::None => rows,
            Way::Ranks(ranks) => ranks.scaled(rows),
            Way::Line { offset, factor, is_arsinh } => {
                let line = (rows - *offset) / *factor;
                if *is_arsinh { line.asinh() } else { line }
            }
        };
        let is_clipped = self.clips && matches!(self.way, Way::Line { .. });
        let scaled = scaled.cast(Element::Float);
        if is_clipped { scaled.at_least(0.0).at_most(1.0) } else { scaled }
    }

    /// Outputs of the network, of 64 bits, in the units of the data; `rows` are those that they stand for.
    pub(crate) fn original(&self, outputs: Value<'g>, rows: Value<'g>) -> Value<'g> {
        let original = match &self.way {
            Way::None => outputs,
            Way::Ranks(ranks) => ranks.original(outputs),
            Way::Line { offset, factor, is_arsinh } => {
                let line = if *is_arsinh { outputs.sinh() } else { outputs };
                line * *factor + *offset
            }
        };
        let counts = if self.counts.log1p { original.exp_less_one() } else { original };
        self.factor(rows).map_or(counts, |factor| counts / factor)
    }

    /// Counts divided by their sums, and the logarithm taken.
    fn counted(&self, rows: Value<'g>) -> Value<'g> {
        let sized = self.factor(rows).map_or(rows, |factor| rows * factor);
        if self.counts.log1p { sized.log_of_one_more() } else { sized }
    }

    /// What a row's counts are multiplied by, (N, 1): 1 where they are all 0.
    fn factor(&self, rows: Value<'g>) -> Option<Value<'g>> {
        let target = self.counts.library_size?;
        let sum = rows.sum(1);
        Some(sum.is_above(0.0).choose(target / sum, sum.number(1.0)))
    }
}
