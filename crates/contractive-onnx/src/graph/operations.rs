//! Operations on values.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Element, Graph, Value};
use crate::messages::AttributeProto;

impl<'g> Value<'g> {
    /// The graph that it is of.
    pub(crate) fn graph(self) -> &'g Graph {
        self.graph
    }

    /// What it is made of.
    pub(crate) fn element(self) -> Element {
        self.element
    }

    pub(super) fn of(
        self,
        op: &str,
        inputs: &[Value<'g>],
        attributes: Vec<AttributeProto>,
        element: Element,
    ) -> Value<'g> {
        let [value] = self.graph.operation(op, inputs, attributes, [element]);
        value
    }

    fn unary(self, op: &str) -> Value<'g> {
        self.of(op, &[self], vec![], self.element)
    }

    fn binary(self, op: &str, other: Value<'g>) -> Value<'g> {
        debug_assert_eq!(self.element, other.element, "{op}");
        self.of(op, &[self, other], vec![], self.element)
    }

    fn compared(self, op: &str, other: Value<'g>) -> Value<'g> {
        debug_assert_eq!(self.element, other.element, "{op}");
        self.of(op, &[self, other], vec![], Element::Truth)
    }

    /// A number of the same element.
    pub(crate) fn number(self, value: f64) -> Value<'g> {
        self.graph.scalar(self.element, value)
    }

    pub(crate) fn exp(self) -> Value<'g> {
        self.unary("Exp")
    }

    pub(crate) fn log(self) -> Value<'g> {
        self.unary("Log")
    }

    pub(crate) fn sqrt(self) -> Value<'g> {
        self.unary("Sqrt")
    }

    pub(crate) fn abs(self) -> Value<'g> {
        self.unary("Abs")
    }

    pub(crate) fn sign(self) -> Value<'g> {
        self.unary("Sign")
    }

    pub(crate) fn tanh(self) -> Value<'g> {
        self.unary("Tanh")
    }

    pub(crate) fn round(self) -> Value<'g> {
        self.unary("Round")
    }

    pub(crate) fn floor(self) -> Value<'g> {
        self.unary("Floor")
    }

    /// An operation of one input that has no method of its own here.
    pub(crate) fn by(self, op: &str, attributes: Vec<AttributeProto>) -> Value<'g> {
        self.of(op, &[self], attributes, self.element)
    }

    pub(crate) fn square(self) -> Value<'g> {
        self * self
    }

    pub(crate) fn at_least(self, least: f64) -> Value<'g> {
        self.binary("Max", self.number(least))
    }

    pub(crate) fn at_most(self, most: f64) -> Value<'g> {
        self.binary("Min", self.number(most))
    }

    /// The greater of two, entry by entry.
    pub(crate) fn max(self, other: Value<'g>) -> Value<'g> {
        self.binary("Max", other)
    }

    /// The lesser of two, entry by entry.
    pub(crate) fn min(self, other: Value<'g>) -> Value<'g> {
        self.binary("Min", other)
    }

    /// Within ±`bound`.
    pub(crate) fn within(self, bound: f64) -> Value<'g> {
        self.at_least(-bound).at_most(bound)
    }

    pub(crate) fn less(self, other: Value<'g>) -> Value<'g> {
        self.compared("Less", other)
    }

    pub(crate) fn less_or_equal(self, other: Value<'g>) -> Value<'g> {
        self.compared("LessOrEqual", other)
    }

    pub(crate) fn equal(self, other: Value<'g>) -> Value<'g> {
        self.compared("Equal", other)
    }

    pub(crate) fn is_above(self, number: f64) -> Value<'g> {
        self.compared("Greater", self.number(number))
    }

    pub(crate) fn is_nan(self) -> Value<'g> {
        self.of("IsNaN", &[self], vec![], Element::Truth)
    }

    /// Whether it is NaN or ±∞.
    pub(crate) fn is_not_finite(self) -> Value<'g> {
        self.is_nan().or(self.number(f64::INFINITY).less_or_equal(self.abs()))
    }

    pub(crate) fn and(self, other: Value<'g>) -> Value<'g> {
        self.binary("And", other)
    }

    pub(crate) fn or(self, other: Value<'g>) -> Value<'g> {
        self.binary("Or", other)
    }

    pub(crate) fn not(self) -> Value<'g> {
        self.unary("Not")
    }

    /// `yes` where this is true, else `no`.
    pub(crate) fn choose(self, yes: Value<'g>, no: Value<'g>) -> Value<'g> {
        debug_assert_eq!((self.element, yes.element), (Element::Truth, no.element));
        self.of("Where", &[self, yes, no], vec![], yes.element)
    }

    /// As another element; to 32 bits rounded to the nearest.
    pub(crate) fn cast(self, element: Element) -> Value<'g> {
        if self.element == element {
            return self;
        }
        self.of("Cast", &[self], vec![AttributeProto::int("to", i64::from(element.number()))], element)
    }

    /// The matrix product; batches of them where either has more than two dimensions.
    pub(crate) fn times(self, other: Value<'g>) -> Value<'g> {
        self.binary("MatMul", other)
    }

    /// With its last two dimensions swapped, of two.
    pub(crate) fn transposed(self) -> Value<'g> {
        self.of("Transpose", &[self], vec![AttributeProto::ints("perm", vec![1, 0])], self.element)
    }

    /// Sums over a dimension, which is kept with the size 1.
    pub(crate) fn sum(self, axis: i64) -> Value<'g> {
        self.summed(axis, true)
    }

    /// Sums over a dimension, which goes.
    pub(crate) fn sum_away(self, axis: i64) -> Value<'g> {
        self.summed(axis, false)
    }

    fn summed(self, axis: i64, keeps: bool) -> Value<'g> {
        let axes = self.graph.integers(&[1], &[axis]);
        let keeps = AttributeProto::int("keepdims", i64::from(keeps));
        self.of("ReduceSum", &[self, axes], vec![keeps], self.element)
    }

    /// Sums along a dimension up to each of its entries, one after the other.
    pub(crate) fn running_sum(self, axis: i64) -> Value<'g> {
        self.of("CumSum", &[self, self.graph.scalar(Element::Integer, axis as f64)], vec![], self.element)
    }

    /// Whether any entry along a dimension is true; the dimension is kept.
    pub(crate) fn any(self, axis: i64) -> Value<'g> {
        self.cast(Element::Integer).sum(axis).is_above(0.0)
    }

    /// The entries at `places` along a dimension.
    pub(crate) fn pick(self, places: &[usize], axis: i64) -> Value<'g> {
        let places: Vec<i64> = places.iter().map(|i| *i as i64).collect();
        self.pick_by(self.graph.integers(&[places.len()], &places), axis)
    }

    /// The entries at the places that `places` holds, along a dimension.
    pub(crate) fn pick_by(self, places: Value<'g>, axis: i64) -> Value<'g> {
        self.of("Gather", &[self, places], vec![AttributeProto::int("axis", axis)], self.element)
    }

    /// Entries `from` up to, but without, `to` along a dimension.
    pub(crate) fn slice(self, axis: i64, from: usize, to: usize) -> Value<'g> {
        let one = |n: i64| self.graph.integers(&[1], &[n]);
        self.of("Slice", &[self, one(from as i64), one(to as i64), one(axis)], vec![], self.element)
    }

    /// In another shape; 0 keeps a size, −1 follows from the others.
    pub(crate) fn reshaped(self, shape: &[i64]) -> Value<'g> {
        let shape = self.graph.integers(&[shape.len()], shape);
        self.of("Reshape", &[self, shape], vec![], self.element)
    }

    /// With a dimension of size 1 more.
    pub(crate) fn widened(self, axis: i64) -> Value<'g> {
        let axes = self.graph.integers(&[1], &[axis]);
        self.of("Unsqueeze", &[self, axes], vec![], self.element)
    }

    /// Without a dimension of size 1.
    pub(crate) fn narrowed(self, axis: i64) -> Value<'g> {
        let axes = self.graph.integers(&[1], &[axis]);
        self.of("Squeeze", &[self, axes], vec![], self.element)
    }

    /// With zeros before and after along a dimension of `rank` dimensions.
    pub(crate) fn padded(self, axis: usize, before: usize, after: usize, rank: usize) -> Value<'g> {
        let mut pads = vec![0; 2 * rank];
        (pads[axis], pads[rank + axis]) = (before as i64, after as i64);
        let pads = self.graph.integers(&[pads.len()], &pads);
        self.of("Pad", &[self, pads], vec![], self.element)
    }

    /// The `k` least, or greatest, along the last dimension, in their order, and their places; of equal ones the first.
    pub(crate) fn extremes(self, k: usize, are_greatest: bool) -> (Value<'g>, Value<'g>) {
        let count = self.graph.integers(&[1], &[k as i64]);
        let largest = AttributeProto::int("largest", i64::from(are_greatest));
        let elements = [self.element, Element::Integer];
        let [values, places] = self.graph.operation("TopK", &[self, count], vec![largest], elements);
        (values, places)
    }

    /// The entries at `places` along the last dimension, row by row.
    pub(crate) fn at(self, places: Value<'g>) -> Value<'g> {
        self.of("GatherElements", &[self, places], vec![AttributeProto::int("axis", -1)], self.element)
    }

    /// The numbers of texts: those of `known`, else `other`.
    pub(crate) fn numbers_of(self, known: Vec<String>, numbers: Vec<i64>, other: i64) -> Value<'g> {
        let attributes = vec![
            AttributeProto::strings("keys_strings", known),
            AttributeProto::ints("values_int64s", numbers),
            AttributeProto::int("default_int64", other),
        ];
        self.of("LabelEncoder", &[self], attributes, Element::Integer)
    }

    /// a Wᵀ + b, or a W + b where the weight `lies_transposed`.
    pub(crate) fn layer(self, weight: Value<'g>, bias: Value<'g>, lies_transposed: bool) -> Value<'g> {
        let transposes = AttributeProto::int("transB", i64::from(!lies_transposed));
        self.of("Gemm", &[self, weight, bias], vec![transposes], self.element)
    }
}

/// Values beside each other along a dimension; at least one.
pub(crate) fn beside<'g>(values: &[Value<'g>], axis: i64) -> Value<'g> {
    match values {
        [only] => *only,
        [first, ..] => first.of("Concat", values, vec![AttributeProto::int("axis", axis)], first.element),
        [] => unreachable!("at least one value"),
    }
}

/// Their sum; `None` of none.
pub(crate) fn total<'g>(values: impl IntoIterator<Item = Value<'g>>) -> Option<Value<'g>> {
    values.into_iter().reduce(|sum, value| sum + value)
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:literal) => {
        impl<'g> $trait for Value<'g> {
            type Output = Value<'g>;

            fn $method(self, other: Value<'g>) -> Value<'g> {
                self.binary($op, other)
            }
        }

        impl<'g> $trait<f64> for Value<'g> {
            type Output = Value<'g>;

            fn $method(self, other: f64) -> Value<'g> {
                self.binary($op, self.number(other))
            }
        }

        impl<'g> $trait<Value<'g>> for f64 {
            type Output = Value<'g>;

            fn $method(self, other: Value<'g>) -> Value<'g> {
                other.number(self).binary($op, other)
            }
        }
    };
}

operator!(Add, add, "Add");
operator!(Sub, sub, "Sub");
operator!(Mul, mul, "Mul");
operator!(Div, div, "Div");

impl<'g> Neg for Value<'g> {
    type Output = Value<'g>;

    fn neg(self) -> Value<'g> {
        self.unary("Neg")
    }
}
