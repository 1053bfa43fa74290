//! J = D_L W_L … D_1 W_1 at one row, for slopes D that need not be the right ones, and its reverse pass in parts.
//!
//! ```text
//! U_1 = W_1,   U_l = W_l M_{l−1},   M_l = D_l U_l,   J = M_L
//! ```
//!
//! With D_l = φ′(z_l) it is the encoder's Jacobian, and the reverse pass that of [`contractive_core::reference`], which the
//! tests hold it against. Mistaken formulas put other slopes there, or lose one of the two ways in which J depends on the
//! parameters: as a factor, and through the slopes.

use contractive_core::reference::network::{LayerGradient, Trace, backward};
use contractive_core::reference::{Layer, Matrix};

/// What stands in D_l, and what it changes by with z_l; one list a layer.
pub(super) struct Slopes {
    pub(super) d: Vec<Vec<f64>>,
    pub(super) dd: Vec<Vec<f64>>,
}

impl Slopes {
    fn of(trace: &Trace, of_unit: impl Fn(usize, f64, f64) -> (f64, f64)) -> Self {
        let layers = trace.z.iter().zip(&trace.a[1..]).enumerate();
        let pairs = layers.map(|(l, (z, a))| z.iter().zip(a).map(|(z, a)| of_unit(l, *z, *a)).unzip());
        let (d, dd) = pairs.unzip();
        Slopes { d, dd }
    }

    /// φ′ and φ″: the right ones.
    pub(super) fn exact(stack: &[Layer], trace: &Trace) -> Self {
        Slopes::of(trace, |l, z, _| {
            let phi = stack[l].activation;
            (phi.derivative(z), phi.second_derivative(z))
        })
    }

    /// a(1 − a), which is φ′ of the logistic sigmoid alone; a follows z by the true φ′.
    pub(super) fn logistic(stack: &[Layer], trace: &Trace) -> Self {
        Slopes::of(trace, |l, z, a| (a * (1.0 - a), (1.0 - 2.0 * a) * stack[l].activation.derivative(z)))
    }

    /// 1: no activation at all.
    pub(super) fn ones(trace: &Trace) -> Self {
        Slopes::of(trace, |_, _, _| (1.0, 0.0))
    }
}

/// Which of the two ways from the parameters to J a gradient takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways {
    /// W_l as a factor of J.
    pub(super) factors: bool,
    /// D_l, which moves with z_l.
    pub(super) slopes: bool,
}

/// The product with its partial products.
pub(super) struct Chain<'a> {
    stack: &'a [Layer],
    trace: &'a Trace,
    slopes: &'a Slopes,
    U: Vec<Matrix>,
    M: Vec<Matrix>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(stack: &'a [Layer], trace: &'a Trace, slopes: &'a Slopes) -> Self {
        let (mut U, mut M) = (Vec::new(), Vec::<Matrix>::new());
        for (layer, d) in stack.iter().zip(&slopes.d) {
            let U_l = M.last().map_or_else(|| layer.W.clone(), |below| layer.W.product(below));
            M.push(U_l.scaled_rows(d));
            U.push(U_l);
        }
        Chain { stack, trace, slopes, U, M }
    }

    /// J, shape (k, d).
    pub(super) fn J(&self) -> &Matrix {
        &self.M[self.M.len() - 1]
    }

    /// Given `dJ` = ∂Q/∂J, adds ∂Q/∂W_l and ∂Q/∂b_l, as far as they go by `ways`, to `into`.
    pub(super) fn backward(&self, dJ: Matrix, ways: Ways, into: &mut [LayerGradient]) {
        let mut dz = self.trace.zeros();
        let mut dM = dJ;
        for l in (0..self.stack.len()).rev() {
            let moved = dM.hadamard(&self.U[l]).row_sums();
            dz[l] = moved.iter().zip(&self.slopes.dd[l]).map(|(moved, dd)| moved * dd).collect();
            let dU = dM.scaled_rows(&self.slopes.d[l]);
            let below = l.checked_sub(1).map(|below| &self.M[below]);
            if ways.factors {
                match below {
                    None => add(&mut into[l].dW, &dU, 1.0),
                    Some(below) => add(&mut into[l].dW, &dU.product_transpose(below), 1.0),
                }
            }
            if below.is_some() {
                dM = self.stack[l].W.transpose_product(&dU);
            }
        }
        if ways.slopes {
            let none = vec![0.0; self.trace.output().len()];
            backward(self.stack, self.trace, &none, &dz, into);
        }
    }
}

/// A += c B, in place.
pub(super) fn add(A: &mut Matrix, B: &Matrix, c: f64) {
    for i in 0..B.rows() {
        A.row_mut(i).iter_mut().zip(B.row(i)).for_each(|(a, b)| *a += c * b);
    }
}
