//! The parts of features in a score: `contractive_anomaly`'s `contributions`.

use crate::graph::{Element, Value};

/// What values are split among.
pub(super) struct Parts<'g> {
    /// Features left out, (N, D); `None` where none can be.
    missing: Option<Value<'g>>,
    /// The share of each feature in an even split: 1 over the features present, or 0.
    even: Value<'g>,
    sum: Option<Value<'g>>,
}

impl<'g> Parts<'g> {
    /// Of nothing yet, for rows `x`, (N, D).
    pub(super) fn new(x: Value<'g>, d: usize, missing: Option<Value<'g>>) -> Self {
        let even = match missing {
            None => x.number(1.0 / d as f64),
            Some(missing) => {
                let present = missing.not().cast(Element::Double);
                present / present.sum(1)
            }
        };
        Parts { missing, even, sum: None }
    }

    /// Adds `value`, (N, 1), split by `shares`, (N, D), at least 0: evenly where it is below 0 or there is nothing to go by.
    pub(super) fn add(&mut self, value: Value<'g>, shares: Value<'g>) {
        let part = self.split(value, shares);
        self.add_as_it_is(part);
    }

    /// Adds parts.
    pub(super) fn add_as_it_is(&mut self, part: Value<'g>) {
        self.sum = Some(self.sum.map_or(part, |sum| sum + part));
    }

    /// Takes `value`, at least 0, off the parts above 0, by their size.
    pub(super) fn take_off(&mut self, value: Value<'g>) {
        if let Some(sum) = self.sum {
            let taken = self.split(value, sum.at_least(0.0));
            self.sum = Some(sum - taken);
        }
    }

    fn split(&self, value: Value<'g>, shares: Value<'g>) -> Value<'g> {
        let shares = self.missing.map_or(shares, |missing| missing.choose(shares.number(0.0), shares));
        let sum = shares.sum(1);
        let has_shares = sum.is_above(0.0).and(sum.less(sum.number(f64::INFINITY)));
        let goes_by = has_shares.and(value.less(value.number(0.0)).not());
        value * goes_by.choose(shares / sum, self.even)
    }

    /// The parts, (N, D).
    pub(super) fn sum(&self) -> Option<Value<'g>> {
        self.sum
    }
}
