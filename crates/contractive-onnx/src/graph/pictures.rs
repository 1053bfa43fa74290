//! Operations on pictures and maps, (N, C, H, W).

use super::{Element, Value};
use crate::messages::AttributeProto;

/// The dimensions of height and width.
const SIDES: [i64; 2] = [2, 4];

impl<'g> Value<'g> {
    /// Convolved (cross-correlated) with kernels (out, in, k, k), one every `stride` pixels, without padding.
    pub(crate) fn convolved(self, kernels: Value<'g>, bias: Value<'g>, stride: usize) -> Value<'g> {
        self.of("Conv", &[self, kernels, bias], vec![strides(stride)], self.element)
    }

    /// The transpose: at every place kernels (in, out, k, k) are added, each times the place's number. In `groups` the
    /// channels are parted, and have kernels (in, out / groups, k, k).
    pub(crate) fn laid_out(self, kernels: Value<'g>, stride: usize, groups: usize) -> Value<'g> {
        let attributes = vec![strides(stride), AttributeProto::int("group", groups as i64)];
        self.of("ConvTranspose", &[self, kernels], attributes, self.element)
    }

    /// Height and width, (2).
    pub(crate) fn sides(self) -> Value<'g> {
        let [start, end] = SIDES;
        let attributes = vec![AttributeProto::int("start", start), AttributeProto::int("end", end)];
        self.of("Shape", &[self], attributes, Element::Integer)
    }

    /// Ones of its height and width, (1, 1, H, W).
    pub(crate) fn ones(self) -> Value<'g> {
        let one = self.graph.integers(&[2], &[1, 1]);
        let shape = one.of("Concat", &[one, self.sides()], vec![AttributeProto::int("axis", 0)], Element::Integer);
        let number = self.number(1.0);
        number.of("Expand", &[number, shape], vec![], self.element)
    }

    /// With zeros below and on the right, to the height and width of `other`.
    pub(crate) fn padded_as(self, other: Value<'g>) -> Value<'g> {
        let none = self.graph.integers(&[6], &[0; 6]);
        let less = other.sides() - self.sides();
        let pads = none.of("Concat", &[none, less], vec![AttributeProto::int("axis", 0)], Element::Integer);
        self.of("Pad", &[self, pads], vec![], self.element)
    }

    /// The sum over channels, height and width, (N).
    pub(crate) fn sum_of_picture(self) -> Value<'g> {
        self.sum_away(3).sum_away(2).sum_away(1)
    }
}

fn strides(stride: usize) -> AttributeProto {
    AttributeProto::ints("strides", vec![stride as i64; 2])
}
