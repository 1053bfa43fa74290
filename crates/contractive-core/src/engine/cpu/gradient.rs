//! Weight and bias gradients from the stores, block by block over the flat gradient.
//!
//! A block is a part of one weight, or one bias. Each is summed over the whole batch by one task in one order, so blocks
//! may run on any thread: dW = dZᵀ A of every point, plus what the penalty gathered, plus, for a tied weight, the
//! mirrored decoder layer's share.

use pulp::Arch;

use super::blocks::Block;
use super::lane::Lane;
use super::record::Column;
use super::step::Step;
use super::weights::mirrored;
use crate::buffer::Buffer;
use crate::instructions::vectorised;
use crate::kernels::affine::{affine_backward_bias, affine_backward_weight};
use crate::kernels::frobenius::frobenius_backward_weight;
use crate::kernels::frobenius_deep::WeightSums;
use crate::kernels::gemm::{Destination, View, ViewMut, gemm, mirror};
use crate::kernels::network_jacobian::Carry;
use crate::kernels::strided_rows::StridedRows;
use crate::kernels::{LanePenalty, PenaltyPlan};
use crate::prefetch::fetch_ahead;

/// Sums over all lanes, in lane order.
#[derive(Debug, Default)]
pub struct PenaltySums {
    sums: WeightSums,
    s: Vec<Buffer>,
    db: Vec<Buffer>,
    /// The same of a chain's layers, and their biases.
    chain: WeightSums,
    chain_db: Vec<Buffer>,
}

impl PenaltySums {
    /// Adds up what the lanes gathered.
    pub fn reduce(&mut self, arch: Arch, plan: PenaltyPlan, lanes: &[Lane], depth: usize) {
        let (layers, gathers_gram) = plan.gathers(depth);
        self.sums.W.resize_with(depth, Buffer::new);
        self.s.resize_with(depth, Buffer::new);
        self.db.resize_with(depth, Buffer::new);
        if gathers_gram {
            sum_of(arch, &mut self.sums.K, lanes, |p| &p.sums.K);
            mirror_square(&mut self.sums.K);
        }
        for l in layers {
            sum_of(arch, &mut self.sums.W[l], lanes, |p| &p.sums.W[l]);
            if plan.needs_f64() {
                sum_of(arch, &mut self.db[l], lanes, |p| &p.db[l]);
            }
        }
        if plan.needs_chain() {
            let layers = lanes.first().map_or(0, |lane| lane.penalty.chain.db.len());
            self.chain.W.resize_with(layers, Buffer::new);
            self.chain_db.resize_with(layers, Buffer::new);
            sum_of(arch, &mut self.chain.K, lanes, |p| &p.chain.sums.K);
            mirror_square(&mut self.chain.K);
            for l in 0..layers {
                sum_of(arch, &mut self.chain.W[l], lanes, |p| &p.chain.sums.W[l]);
                sum_of(arch, &mut self.chain_db[l], lanes, |p| &p.chain.db[l]);
            }
        }
        for l in 0..depth {
            if plan.gathers_row_scales(l, depth) {
                sum_of(arch, &mut self.s[l], lanes, |p| &p.s[l]);
            }
        }
    }
}

fn sum_of<'l>(arch: Arch, total: &mut Buffer, lanes: &'l [Lane], part: impl Fn(&'l LanePenalty) -> &'l Buffer) {
    for (i, lane) in lanes.iter().enumerate() {
        let part = part(&lane.penalty);
        if i == 0 {
            total.copy_from(part);
            continue;
        }
        vectorised(
            arch,
            #[inline(always)]
            || total.iter_mut().zip(&**part).for_each(|(t, p)| *t += p),
        );
    }
}

/// The lanes gather K on and above its diagonal.
fn mirror_square(K: &mut [f32]) {
    mirror(K, K.len().isqrt());
}

/// What the blocks read.
pub struct GradientSources<'a> {
    pub step: &'a Step<'a>,
    /// The two stores of activations.
    pub a: [&'a [f32]; 2],
    /// The store of adjoints.
    pub dz: &'a [f32],
    pub sums: &'a PenaltySums,
}

impl GradientSources<'_> {
    fn activations(&self, column: Column) -> StridedRows<'_> {
        let data = &self.a[column.store][column.a..];
        StridedRows {
            data,
            rows: self.step.n(),
            columns: column.width,
            stride: self.step.record.a_stride[column.store],
        }
    }

    fn adjoints(&self, column: Column) -> StridedRows<'_> {
        StridedRows {
            data: &self.dz[column.dz..],
            rows: self.step.n(),
            columns: column.width,
            stride: self.step.record.dz_stride,
        }
    }

    /// What layer `l` of the encoder reads at `point`.
    fn encoder_input(&self, point: usize, l: usize) -> StridedRows<'_> {
        let d = self.step.parameters.architecture().input_size();
        match l {
            0 => StridedRows { data: self.step.inputs[point], rows: self.step.n(), columns: d, stride: d },
            _ => self.activations(self.step.record.encoder[point][l - 1]),
        }
    }

    /// What layer `l` of the decoder reads.
    fn decoder_input(&self, l: usize) -> StridedRows<'_> {
        match l {
            0 => self.activations(self.step.record.encoder[0][self.step.parameters.architecture().encoder_depth() - 1]),
            _ => self.activations(self.step.record.decoder[l - 1]),
        }
    }

    /// Sets one block of the gradient.
    pub fn block(&self, block: &Block, mut gradient: ViewMut<'_, f32>) {
        if block.is_bias {
            gradient.row(0).fill(0.0);
        }
        match (block.is_decoder, block.is_bias) {
            (false, true) => self.encoder_bias(block.layer, gradient.row(0)),
            (false, false) => self.encoder_weight(block, gradient),
            (true, true) => {
                let db = gradient.row(0);
                affine_backward_bias(self.step.arch, db, self.adjoints(self.step.record.decoder[block.layer]));
                self.chain_bias(self.chain_layer(true, block.layer), db);
            }
            (true, false) => {
                let dZ = self.adjoints(self.step.record.decoder[block.layer]);
                let A = self.decoder_input(block.layer);
                affine_backward_weight(gradient.reborrow(), Destination::Set, block.from, dZ, A);
                self.chain_weight(self.chain_layer(true, block.layer), false, block, &mut gradient);
            }
        }
    }

    fn encoder_bias(&self, l: usize, db: &mut [f32]) {
        for point in &self.step.record.encoder {
            affine_backward_bias(self.step.arch, db, self.adjoints(point[l]));
        }
        if let Some(more) = self.sums.db.get(l) {
            db.iter_mut().zip(&**more).for_each(|(g, m)| *g += m);
        }
        self.chain_bias(self.chain_layer(false, l), db);
    }

    /// Where a layer stands in the plan's chain, if it does.
    fn chain_layer(&self, is_decoder: bool, l: usize) -> Option<usize> {
        match (self.step.plan, is_decoder) {
            (PenaltyPlan::NetworkJacobian { decoder_only: true, .. }, true) => Some(l),
            (PenaltyPlan::NetworkJacobian { decoder_only: false, .. }, true) => {
                Some(self.step.parameters.architecture().encoder_depth() + l)
            }
            (PenaltyPlan::NetworkJacobian { decoder_only: false, .. }, false) => Some(l),
            _ => None,
        }
    }

    fn chain_bias(&self, place: Option<usize>, db: &mut [f32]) {
        if let Some(place) = place {
            db.iter_mut().zip(&*self.sums.chain_db[place]).for_each(|(g, m)| *g += m);
        }
    }

    /// The chain's share of a block. `is_mirrored` reads it as the transpose of the block's layer, as a tied decoder's
    /// share of an encoder weight is.
    fn chain_weight(&self, place: Option<usize>, is_mirrored: bool, block: &Block, dW: &mut ViewMut<'_, f32>) {
        let Some(place) = place else { return };
        let sums = &self.sums.chain.W[place];
        // Tangents gather the first layer transposed.
        let carries_tangents = matches!(self.step.plan, PenaltyPlan::NetworkJacobian { carry: Carry::Tangents, .. });
        add_part(dW, block, sums, is_mirrored != (place == 0 && carries_tangents));
    }

    fn encoder_weight(&self, block: &Block, mut dW: ViewMut<'_, f32>) {
        let (l, architecture) = (block.layer, self.step.parameters.architecture());
        let W = self.step.parameters.encoder_weight(l);
        let (m, n) = (W.rows(), W.columns());
        for (point, layers) in self.step.record.encoder.iter().enumerate() {
            let into = if point == 0 { Destination::Set } else { Destination::Add };
            let dZ = self.adjoints(layers[l]);
            affine_backward_weight(dW.reborrow(), into, block.from, dZ, self.encoder_input(point, l));
        }
        for decoder in 0..architecture.decoder_depth() {
            if mirrored(architecture, decoder) == Some(l) {
                let dZ = self.adjoints(self.step.record.decoder[decoder]);
                let A = self.decoder_input(decoder);
                affine_backward_weight(dW.reborrow(), Destination::Add, block.from, A, dZ);
                self.chain_weight(self.chain_layer(true, decoder), true, block, &mut dW);
            }
        }
        self.chain_weight(self.chain_layer(false, l), false, block, &mut dW);
        let depth = architecture.encoder_depth();
        let [first, left] = block.from;
        let row_of = |i: usize| W.values().get((first + i) * n + left..).unwrap_or_default();
        let scales_rows = self.step.plan.gathers_row_scales(l, depth);
        let reads_weights = scales_rows || matches!(self.step.plan, PenaltyPlan::WeightL1 | PenaltyPlan::WeightL2);
        for i in 0..if reads_weights { dW.rows() } else { 0 } {
            let values = &row_of(i)[..dW.columns()];
            let ahead = row_of(i + 6);
            fetch_ahead(&ahead[..ahead.len().min(dW.columns())]);
            self.step.plan.weights_backward(self.step.arch, dW.row(i), values, self.step.objective.contraction as f32);
            if scales_rows {
                frobenius_backward_weight(self.step.arch, dW.row(i), values, &self.sums.s[l][first + i..=first + i]);
            }
        }
        let (layers, gathers_gram) = self.step.plan.gathers(depth);
        let chain_gram = self.step.plan.needs_chain() && self.step.plan.needs_gram();
        if l == 0 && (gathers_gram || chain_gram) {
            // dW_1 += 2 K W_1.
            let K = if chain_gram { &self.sums.chain.K } else { &self.sums.sums.K };
            let K = View::new(&K[first * m..], dW.rows(), m);
            let W = View::new(W.values(), m, n).columns_in(left..left + dW.columns());
            gemm(dW.reborrow(), Destination::Add, 2.0, K, W);
        }
        if layers.contains(&l) {
            add_part(&mut dW, block, &self.sums.sums.W[l], l == 0 && self.step.plan.first_is_transposed());
        }
    }
}

/// dW += the block's part of `sums`, a matrix of the layer's shape, or of its transpose's.
fn add_part(dW: &mut ViewMut<'_, f32>, block: &Block, sums: &[f32], is_transposed: bool) {
    let ([first, left], [m, n]) = (block.from, block.of);
    for i in 0..dW.rows() {
        let row = dW.row(i);
        if is_transposed {
            row.iter_mut().enumerate().for_each(|(j, g)| *g += sums[(left + j) * m + first + i]);
        } else {
            row.iter_mut().zip(&sums[(first + i) * n + left..]).for_each(|(g, s)| *g += s);
        }
    }
}
