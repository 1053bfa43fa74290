//! The columns of a table as inputs, and their cells as numbers: `contractive::encoding::TableEncoding`.

use contractive::encoding::{ColumnUse, LearntColumn, MissingRule, Scaling, TOO_LARGE, TableEncoding};

use crate::error::OnnxError;
use crate::graph::operations::beside;
use crate::graph::{Element, Graph, Size, Value};
use crate::ranks::RankTable;

/// The number that stands for a missing text.
const MISSING: i64 = -1;

/// A table's cells, in the order of the inputs: numbers first, then levels.
pub(crate) struct Cells<'g> {
    numbers: Option<Value<'g>>,
    scalings: Vec<Scaling>,
    /// Whether each feature's level is the cell's, (N, L).
    levels: Option<Value<'g>>,
    shares: Vec<f64>,
    missing: Vec<Value<'g>>,
    /// Of each feature, in the encoding's order, its place above.
    order: Vec<usize>,
    /// Rows with a cell that is refused: missing where none may be, or too large, (N, 1).
    pub(crate) refused: Value<'g>,
    skips_missing: bool,
}

/// Refuses names that a graph cannot have.
pub(crate) fn check_names(encoding: &TableEncoding, outputs: &[&str]) -> Result<(), OnnxError> {
    for column in encoding.columns().iter().filter(|column| is_input(column)) {
        let reason = match column.name {
            "" => "an input must have a name",
            name if outputs.contains(&name) => "it is called as one of the graph's outputs",
            _ => continue,
        };
        return Err(OnnxError::Column { column: column.name.to_owned(), reason });
    }
    Ok(())
}

fn is_input(column: &LearntColumn<'_>) -> bool {
    matches!(column.becomes, ColumnUse::Number { .. } | ColumnUse::Category { .. })
}

/// The levels of a category as the graph finds them.
struct Category<'g, 'a> {
    texts: Value<'g>,
    levels: &'a [String],
    fill: usize,
}

impl<'g> Cells<'g> {
    /// Makes every column that is learnt from an input, (N, 1), and its cells numbers.
    pub(crate) fn read(graph: &'g Graph, encoding: &TableEncoding) -> Self {
        let (mut numbers, mut fills, mut scalings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut categories, mut shares) = (Vec::new(), Vec::new());
        let mut places = Vec::new();
        for column in encoding.columns() {
            match column.becomes {
                ColumnUse::Number { fill, scaling } => {
                    places.push((false, numbers.len()));
                    let doc = format!("column `{}`, in its own units; NaN is a missing cell", column.name);
                    numbers.push(graph.input(column.name, Element::Double, &[Size::Rows, Size::Of(1)], &doc));
                    fills.push(fill);
                    scalings.push(scaling.clone());
                }
                ColumnUse::Category { levels, shares: own, fill } => {
                    places.extend((0..own.len()).map(|i| (true, shares.len() + i)));
                    shares.extend_from_slice(own);
                    let doc = format!("column `{}`, text; an empty one is a missing cell", column.name);
                    let texts = graph.input(column.name, Element::Text, &[Size::Rows, Size::Of(1)], &doc);
                    categories.push(Category { texts, levels, fill });
                }
                _ => {}
            }
        }
        let order = places.iter().map(|(is_level, i)| if *is_level { numbers.len() + i } else { *i }).collect();
        let refuses = encoding.missing() == MissingRule::Refuse;
        let (mut refused, mut missing) = (Vec::new(), Vec::new());
        let numbers = (!numbers.is_empty()).then(|| {
            let cells = beside(&numbers, 1);
            let (filled, odd, gone) = filled(graph, cells, &fills, refuses);
            refused.push(odd.any(1));
            missing.push(gone);
            filled
        });
        let levels = (!categories.is_empty()).then(|| {
            let (levels, gone) = levels(graph, &categories);
            if refuses {
                refused.push(gone.any(1));
            }
            missing.push(gone);
            levels
        });
        let refused = refused
            .into_iter()
            .reduce(Value::or)
            .unwrap_or_else(|| missing[0].any(1).and(graph.scalar(Element::Truth, 0.0)));
        let skips_missing = encoding.missing() == MissingRule::Mask;
        Cells { numbers, scalings, levels, shares, missing, order, refused, skips_missing }
    }

    /// Features scaled by the encoding, in 32 bits, (N, D): what a detector's networks take.
    pub(crate) fn encoded(&self, graph: &'g Graph) -> Value<'g> {
        let numbers = self.numbers.map(|x| scaled(graph, x, &self.scalings));
        let levels = self.levels.map(|is| {
            (is.cast(Element::Double) - graph.doubles(&[1, self.shares.len()], &self.shares)).cast(Element::Float)
        });
        self.in_order(numbers.into_iter().chain(levels).collect())
    }

    /// Features in the units of the table, levels 0 or 1, (N, D): what a scaling that was learnt apart takes. A row with a
    /// cell that is refused is NaN.
    pub(crate) fn plain(&self, graph: &'g Graph) -> Value<'g> {
        let levels = self.levels.map(|is| is.cast(Element::Double));
        let all = self.in_order(self.numbers.into_iter().chain(levels).collect());
        self.refused.choose(graph.scalar(Element::Double, f64::NAN), all)
    }

    /// Which features stand for missing cells that are left out of scores, (N, D).
    pub(crate) fn missing(&self) -> Option<Value<'g>> {
        self.skips_missing.then(|| self.in_order(self.missing.clone()))
    }

    fn in_order(&self, parts: Vec<Value<'g>>) -> Value<'g> {
        let all = beside(&parts, 1);
        if self.order.is_sorted() { all } else { all.pick(&self.order, 1) }
    }
}

/// Cells with their fills, (N, n); which of them are refused, and which are missing.
fn filled<'g>(graph: &'g Graph, cells: Value<'g>, fills: &[f64], refuses: bool) -> (Value<'g>, Value<'g>, Value<'g>) {
    let missing = cells.is_nan();
    // Not a comparison with NaN: those are missing, not large.
    let large = cells.number(TOO_LARGE).less_or_equal(cells.abs());
    let odd = if refuses { large.or(missing) } else { large };
    let filled = large.or(missing).choose(graph.doubles(&[1, fills.len()], fills), cells);
    (filled, odd, missing)
}

/// Numbers scaled in 64 bits, then in 32.
fn scaled<'g>(graph: &'g Graph, x: Value<'g>, scalings: &[Scaling]) -> Value<'g> {
    let mut parts = Vec::new();
    let mut order = vec![0; scalings.len()];
    let mut done = 0;
    for way in 0..3 {
        let own: Vec<usize> = (0..scalings.len()).filter(|j| way_of(&scalings[*j]) == way).collect();
        if own.is_empty() {
            continue;
        }
        let some = if own.len() == scalings.len() { x } else { x.pick(&own, 1) };
        parts.push(scaled_alike(graph, some, &own.iter().map(|j| &scalings[*j]).collect::<Vec<&Scaling>>()));
        own.iter().enumerate().for_each(|(i, j)| order[*j] = done + i);
        done += own.len();
    }
    let all = beside(&parts, 1).within(Scaling::LARGEST).cast(Element::Float);
    if order.is_sorted() { all } else { all.pick(&order, 1) }
}

fn way_of(scaling: &Scaling) -> u8 {
    match scaling {
        Scaling::Linear { .. } => 0,
        Scaling::Arsinh { .. } => 1,
        Scaling::Ranks { .. } => 2,
    }
}

/// Numbers that are all scaled in one way.
fn scaled_alike<'g>(graph: &'g Graph, x: Value<'g>, scalings: &[&Scaling]) -> Value<'g> {
    let (mut offsets, mut factors, mut knots) = (Vec::new(), Vec::new(), Vec::new());
    for scaling in scalings {
        match scaling {
            Scaling::Linear { offset, factor } | Scaling::Arsinh { offset, factor } => {
                offsets.push(*offset);
                factors.push(*factor);
            }
            Scaling::Ranks { knots: of } => knots.push(of),
        }
    }
    if !knots.is_empty() {
        return RankTable::new(graph, &knots).scaled(x);
    }
    let row = |values: &[f64]| graph.doubles(&[1, values.len()], values);
    let line = (x - row(&offsets)) / row(&factors);
    if matches!(scalings[0], Scaling::Arsinh { .. }) { line.asinh() } else { line }
}

/// Whether each feature's level is that of its category's cell, (N, L), and which of the cells are missing, as often.
fn levels<'g>(graph: &'g Graph, categories: &[Category<'g, '_>]) -> (Value<'g>, Value<'g>) {
    let (mut cells, mut of_feature, mut level) = (Vec::new(), Vec::new(), Vec::new());
    let mut fills = Vec::new();
    for (c, Category { texts, levels, fill }) in categories.iter().enumerate() {
        let mut known: Vec<String> = levels.to_vec();
        let mut numbers: Vec<i64> = (0..levels.len() as i64).collect();
        // Empty text that was a level in training is one.
        if !levels.iter().any(String::is_empty) {
            known.push(String::new());
            numbers.push(MISSING);
        }
        cells.push(texts.numbers_of(known, numbers, levels.len() as i64));
        fills.push(*fill as i64);
        of_feature.extend(std::iter::repeat_n(c, levels.len() + 1));
        level.extend(0..=levels.len() as i64);
    }
    let cells = beside(&cells, 1);
    let is_missing = cells.equal(graph.scalar(Element::Integer, MISSING as f64));
    let filled = is_missing.choose(graph.integers(&[1, fills.len()], &fills), cells);
    let is_own = filled.pick(&of_feature, 1).equal(graph.integers(&[1, level.len()], &level));
    (is_own, is_missing.pick(&of_feature, 1))
}
