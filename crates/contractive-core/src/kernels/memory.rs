//! A lane's own memory for its penalty.

use super::finite_difference::FiniteDifferenceScratch;
use super::frobenius_deep::WeightSums;
use super::frobenius_deep::code_side::{CodeSideScratch, RowStack};
use super::frobenius_deep::input_side::TangentStack;
use super::frobenius_deep::khatri_rao::KhatriRaoStack;
use super::hessian::HessianScratch;
use super::network_jacobian::ChainMemory;
use super::{DenseLayer, Plan};
use crate::buffer::Buffer;

/// A lane's own memory for its penalty: scratch, and the sums that become weight gradients.
#[derive(Debug, Clone, Default)]
pub struct LanePenalty {
    /// Sums over the lane's rows.
    pub sums: WeightSums,
    /// s_l, for dW_l,j += 2 s_l,j W_l,j.
    pub s: Vec<Buffer>,
    /// What is added to db_l; finite differences alone.
    pub db: Vec<Buffer>,
    /// w_b, one a row.
    pub(super) w: Vec<f32>,
    pub(super) rows: RowStack,
    pub(super) code_side: CodeSideScratch,
    pub(super) tangents: TangentStack,
    pub(super) khatri_rao: KhatriRaoStack,
    pub(super) hessian: HessianScratch,
    pub(super) differences: FiniteDifferenceScratch,
    /// The chain's own sums.
    pub chain: ChainMemory,
    pub(super) code: Vec<f32>,
    pub(super) d_code: Vec<f32>,
}

impl LanePenalty {
    /// Sets the sums that `plan` gathers to zero, sized for `net`.
    pub fn reset(&mut self, plan: Plan, net: &[DenseLayer<'_>]) {
        let depth = net.len();
        let (layers, gathers_gram) = plan.gathers(depth);
        let zero = |sum: &mut Buffer, n: usize| {
            sum.reset(n);
        };
        zero(&mut self.sums.K, if gathers_gram { net[0].m * net[0].m } else { 0 });
        self.sums.W.resize_with(depth, Buffer::new);
        self.s.resize_with(depth, Buffer::new);
        self.db.resize_with(depth, Buffer::new);
        for (l, layer) in net.iter().enumerate() {
            zero(&mut self.sums.W[l], if layers.contains(&l) { layer.m * layer.n } else { 0 });
            zero(&mut self.s[l], if plan.gathers_row_scales(l, depth) { layer.m } else { 0 });
            zero(&mut self.db[l], if plan.needs_f64() { layer.m } else { 0 });
        }
    }

    /// The same for the sums of a chain, where the plan runs one.
    pub fn reset_chain(&mut self, plan: Plan, chain: &[DenseLayer<'_>], depth: usize) {
        if let Plan::NetworkJacobian { decoder_only, carry } = plan {
            self.chain.reset(&chain[if decoder_only { depth } else { 0 }..], carry);
        }
    }
}
