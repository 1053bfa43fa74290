//! Functions that onnxruntime has for 32 bits alone, made of those that it has for 64: to a few units in the last place, so
//! that what is rounded to 32 bits afterwards comes out as it does without a graph.

use super::Value;

/// Beyond, arsinh is the logarithm of twice the number to the last digit.
const FAR: f64 = 1e10;

impl<'g> Value<'g> {
    /// ln(1 + u), u above −1. The rounding of 1 + u is undone by the ratio (Kahan).
    pub(crate) fn log_of_one_more(self) -> Value<'g> {
        let sum = self + 1.0;
        let exact = sum.log() * self / (sum - 1.0);
        sum.equal(self.number(1.0)).choose(self, exact)
    }

    /// eᵘ − 1, by the same ratio.
    pub(crate) fn exp_less_one(self) -> Value<'g> {
        // Below, it is −1 to the last digit, and the logarithm of 0 is kept away.
        let u = self.at_least(-700.0);
        let power = u.exp();
        let exact = (power - 1.0) * u / power.log();
        let is_far = power.is_above(1e300);
        let whole = is_far.choose(power, exact);
        power.equal(self.number(1.0)).choose(self, whole)
    }

    /// arsinh u = sign(u) ln(1 + a + a²/(1 + √(a² + 1))), a = |u|.
    pub(crate) fn asinh(self) -> Value<'g> {
        let size = self.abs();
        let near = size.at_most(FAR);
        let square = near.square();
        let inside = near + square / (1.0 + (square + 1.0).sqrt());
        let far = size.log() + std::f64::consts::LN_2;
        self.sign() * size.is_above(FAR).choose(far, inside.log_of_one_more())
    }

    /// sinh u = (E + E/(E + 1))/2, E = e^|u| − 1, with the sign of u.
    pub(crate) fn sinh(self) -> Value<'g> {
        let less = self.abs().at_most(1000.0).exp_less_one();
        // E/(E + 1) of an infinite E is 1.
        let part = 1.0 - 1.0 / (less + 1.0);
        let small = less / (less + 1.0);
        let ratio = less.is_above(1.0).choose(part, small);
        self.sign() * (0.5 * (less + ratio))
    }
}
