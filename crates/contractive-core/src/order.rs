//! Which order of multiplication is cheapest, by counting multiply-adds of value and gradient together.
//!
//! With R rows a sample (k, or the number of probes), batch N, layer l of shape (m_l, n_l), n_1 = d:
//!
//! ```text
//! code side    3 R Σ_{l=2}^{L} m_l n_l  (the top layer is elementwise when the rows are units: 3 R n_L)
//!   Gram       + 1½ R m_1² + 1½ d m_1² / N      N = U G and half of K = UᵀU;  half of G and K W_1 once a step
//!   direct     + 3 R m_1 d + 12 R d             J = U W_1, its adjoint, and dW_1; J written, squared and scaled
//! input side   3 d Σ_{l=2}^{L} m_l n_l + 3 d m_1 + 12 d m_L
//! Khatri-Rao   d k m_1 (3 · 0.7 + 64 / N) + 4 d k            L = 2; dF once a lane, of which there are eight
//! one layer    3 m_1 + 2 d m_1 / N              closed form, no order to choose
//! ```
//!
//! An entry of J that is touched three times costs about as much as twelve multiply-adds; four where it is touched in rows
//! d k long. In products as wide as that a multiply-add costs 0.7 of what it does in those d or k wide. `kernels/frobenius_deep/orders_timed.rs`
//! times every order on a grid of shapes beside the choice (docs/derivations/frobenius-deep.md).
//!
//! A plain step costs 3 multiply-adds a weight a row (encoder and decoder).

use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::penalty::Penalty;

/// An order of multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Rows from the code down, ending in G = W_1 W_1ᵀ.
    CodeSideGram,
    /// Rows from the code down, ending in W_1.
    CodeSideDirect,
    /// Columns from the input up.
    InputSide,
    /// All of J by W_1ᵀ ⊙ W_2; two layers.
    KhatriRao,
}

/// Which rows are carried down from the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Top {
    /// The k unit rows: all of J.
    Units,
    /// This many probes v a sample: vᵀJ.
    Probes(usize),
}

/// Multiply-adds that an explicit entry of J is worth: it is written, squared and scaled.
const ENTRY_OF_J: f64 = 12.0;
/// The same of the Khatri-Rao order, which sums squares down columns.
const ENTRY_OF_Y: f64 = 4.0;
/// What a multiply-add of the Khatri-Rao order costs: its products are wide.
const WIDE_PRODUCT: f64 = 0.7;
/// Multiply-adds a batch that an entry of F is worth: each lane, of which there are up to eight, writes and twice
/// sums its gradient.
const ENTRY_OF_F: f64 = 64.0;
/// Entries of F that stay in a core's L2 cache beside its transpose and its gradient.
const NEAR: usize = 1 << 16;

/// Multiply-adds a sample of value and gradient in this order, for encoder sizes d, m_1, …, k and batch size `batch`;
/// symmetric products by half.
pub fn multiply_adds(order: Order, sizes: &[usize], top: Top, batch: usize) -> f64 {
    let size = |l: usize| sizes[l] as f64;
    let (d, m_1, depth) = (size(0), size(1), sizes.len() - 1);
    let weights = |layers: std::ops::Range<usize>| layers.map(|l| size(l) * size(l + 1)).sum::<f64>();
    let (rows, chain) = match top {
        Top::Units if depth == 1 => (size(1), 0.0),
        Top::Units => (size(depth), weights(1..depth - 1) + size(depth - 1)),
        Top::Probes(n) => (n as f64, weights(1..depth)),
    };
    match order {
        Order::CodeSideGram => rows * (3.0 * chain + 1.5 * m_1 * m_1) + 1.5 * d * m_1 * m_1 / batch.max(1) as f64,
        Order::CodeSideDirect => rows * (3.0 * chain + 3.0 * m_1 * d),
        Order::InputSide => d * 3.0 * (weights(1..depth) + m_1),
        Order::KhatriRao => 3.0 * d * m_1 * rows,
    }
}

/// The same with the passes over an explicit J: what orders are compared by.
pub fn cost(order: Order, sizes: &[usize], top: Top, batch: usize) -> f64 {
    let (d, code) = (sizes[0] as f64, sizes[sizes.len() - 1] as f64);
    let rows = if let Top::Probes(n) = top { n as f64 } else { code };
    let products = multiply_adds(order, sizes, top, batch);
    match order {
        Order::CodeSideGram => products,
        Order::CodeSideDirect => products + ENTRY_OF_J * rows * d,
        Order::InputSide => products + ENTRY_OF_J * d * code,
        Order::KhatriRao => {
            let once = ENTRY_OF_F * d * code * sizes[1] as f64 / batch.max(1) as f64;
            WIDE_PRODUCT * products + ENTRY_OF_Y * d * code + once
        }
    }
}

/// The cheapest order for any chain of layers. Probes are carried from the code side only.
pub fn choose(sizes: &[usize], top: Top, batch: usize) -> Order {
    let orders = [Order::CodeSideGram, Order::CodeSideDirect, Order::InputSide];
    let usable = if top == Top::Units { &orders[..] } else { &orders[..2] };
    let price = |order: &Order| cost(*order, sizes, top, batch);
    usable.iter().copied().min_by(|a, b| price(a).total_cmp(&price(b))).unwrap_or(Order::CodeSideDirect)
}

/// The cheapest order for the Jacobian of a whole encoder.
pub fn of_encoder(architecture: &Architecture, batch: usize) -> Order {
    let sizes = &architecture.encoder_sizes;
    let chosen = choose(sizes, Top::Units, batch);
    // Rows of dead units are left out from the code side, and only there.
    let has_dead_units = architecture.encoder_activations.last() == Some(&Activation::Relu);
    let is_allowed = sizes.len() == 3 && sizes.iter().product::<usize>() <= NEAR && !has_dead_units;
    let price = |order| cost(order, sizes, Top::Units, batch);
    if is_allowed && price(Order::KhatriRao) < price(chosen) { Order::KhatriRao } else { chosen }
}

/// What a penalty on a Jacobian costs in its cheapest order, as a multiple of a plain training step; `None` for the
/// others.
pub fn relative_cost(penalty: Penalty, architecture: &Architecture, batch: usize) -> Option<f64> {
    let (encoder, decoder) = (&architecture.encoder_sizes, &architecture.decoder_sizes);
    let weights = |sizes: &[usize]| sizes.windows(2).map(|p| (p[0] * p[1]) as f64).sum::<f64>();
    let plain = 3.0 * (weights(encoder) + weights(decoder));
    let through = |sizes: &[usize], probes: usize| match (sizes.len(), probes) {
        (2, 0) => 3.0 * sizes[1] as f64 + 2.0 * (sizes[0] * sizes[1]) as f64 / batch.max(1) as f64,
        (_, 0) => cost(choose(sizes, Top::Units, batch), sizes, Top::Units, batch),
        (_, n) => cost(choose(sizes, Top::Probes(n), batch), sizes, Top::Probes(n), batch),
    };
    let multiply_adds = match penalty {
        Penalty::Jacobian | Penalty::JacobianNorm if architecture.encoder_depth() > 1 => {
            cost(of_encoder(architecture, batch), encoder, Top::Units, batch)
        }
        Penalty::Jacobian | Penalty::JacobianNorm => through(encoder, 0),
        Penalty::Projection { probes, .. } => through(encoder, probes),
        // These two run their chain once more before they differentiate it.
        Penalty::Reconstruction { probes } => {
            let chain: Vec<usize> = encoder.iter().chain(&decoder[1..]).copied().collect();
            plain + through(&chain, probes)
        }
        Penalty::Decoder { probes } => 3.0 * weights(decoder) + through(decoder, probes),
        _ => return None,
    };
    Some(multiply_adds / plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn the_order_follows_the_shape() {
        let choose = |sizes: &[usize]| choose(sizes, Top::Units, 128);
        assert_eq!(choose(&[784, 64, 32, 16]), Order::CodeSideGram, "wide input, narrow first layer");
        assert_eq!(choose(&[784, 2000, 2000]), Order::InputSide, "784 columns against 2000 rows");
        assert_eq!(choose(&[30, 64, 16]), Order::CodeSideDirect, "first layer wider than the input");
        assert_eq!(choose(&[6, 64, 32]), Order::InputSide, "6 columns against 32 rows");
        assert_eq!(choose(&[20000, 512, 64]), Order::CodeSideGram);
    }

    #[test]
    fn two_narrow_smooth_layers_take_the_khatri_rao_product() {
        let order = |hidden: &[usize], phi, batch| {
            of_encoder(&Architecture::mirrored(30, hidden, phi, phi, Activation::Identity, false), batch)
        };
        let tanh = Activation::Tanh;
        assert_eq!(order(&[64, 16], tanh, 256), Order::KhatriRao);
        assert_eq!(order(&[64, 16], tanh, 8), Order::CodeSideDirect, "too few rows for what is done once a lane");
        assert_eq!(order(&[64, 16], Activation::Relu, 256), Order::CodeSideDirect, "dead rows are left out");
        assert_eq!(order(&[512, 16], tanh, 256), Order::CodeSideDirect, "too large for the cache");
        assert_ne!(order(&[64, 16, 8], tanh, 256), Order::KhatriRao, "three layers");
    }

    #[test]
    fn the_published_example_costs_about_a_plain_step() {
        let net = |hidden: &[usize]| {
            let a = Activation::Relu;
            Architecture::mirrored(784, hidden, a, a, Activation::Identity, false)
        };
        let exact = |hidden: &[usize], batch| relative_cost(Penalty::Jacobian, &net(hidden), batch).unwrap();
        let small = exact(&[64, 32, 16], 128);
        assert!((0.5..1.5).contains(&small), "784-64-32-16: {small}");
        assert!(exact(&[1000], 128) < 0.1, "one layer is nearly free");
        assert!(exact(&[1024, 512, 128], 256) > 30.0, "a wide code is not");
    }
}
