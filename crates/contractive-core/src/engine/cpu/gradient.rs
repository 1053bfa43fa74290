//! Weight and bias gradients from the stores, tile by tile over the flat gradient.
//!
//! A tile is a block of rows of one weight, or one bias. Each is summed over the whole batch by one task in one order,
//! so tiles may run on any thread: dW = dZᵀ A of every point, plus what the penalty gathered, plus, for a tied weight,
//! the mirrored decoder layer's share.

use pulp::Arch;

use super::lane::Lane;
use super::record::{Column, Record};
use super::weights::mirrored;
use crate::architecture::Architecture;
use crate::kernels::affine::{Rows, affine_backward_bias, affine_backward_weight};
use crate::kernels::frobenius::frobenius_backward_weight;
use crate::kernels::frobenius_deep::WeightSums;
use crate::kernels::gemm::{Into, View, ViewMut, gemm};
use crate::kernels::network_jacobian::Carry;
use crate::kernels::{LanePenalty, Plan};
use crate::parameters::Parameters;

/// Weights a tile holds, about: enough work to be worth a task, small enough to share out.
const TILE: usize = 1 << 15;

/// Part of the flat gradient that one task computes.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    is_decoder: bool,
    layer: usize,
    /// First row and number of rows of the weight; 0 rows for the bias.
    from: usize,
    rows: usize,
    /// Numbers in the flat gradient.
    len: usize,
}

/// The tiles of a network, in the order of the flat gradient, which they cover.
pub fn tiles(architecture: &Architecture) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for (is_decoder, sizes) in [(false, &architecture.encoder_sizes), (true, &architecture.decoder_sizes)] {
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (n, m) = (pair[0], pair[1]);
            if !(is_decoder && architecture.tied) {
                let of_one = (TILE / n).clamp(1, m);
                for from in (0..m).step_by(of_one) {
                    let rows = of_one.min(m - from);
                    tiles.push(Tile { is_decoder, layer, from, rows, len: rows * n });
                }
            }
            tiles.push(Tile { is_decoder, layer, from: 0, rows: 0, len: m });
        }
    }
    tiles
}

/// Runs `task` on every tile with its part of `gradient`; by halves in the current pool if `parallel`.
pub fn each_tile(parallel: bool, tiles: &[Tile], gradient: &mut [f32], task: &(impl Fn(&Tile, &mut [f32]) + Sync)) {
    match tiles {
        [] => {}
        [tile] => task(tile, gradient),
        _ => {
            let (left, right) = tiles.split_at(tiles.len() / 2);
            let (left_part, right_part) = gradient.split_at_mut(left.iter().map(|t| t.len).sum());
            if parallel {
                rayon::join(
                    || each_tile(parallel, left, left_part, task),
                    || each_tile(parallel, right, right_part, task),
                );
            } else {
                each_tile(parallel, left, left_part, task);
                each_tile(parallel, right, right_part, task);
            }
        }
    }
}

/// Sums over all lanes, in lane order.
#[derive(Debug, Default)]
pub struct PenaltySums {
    sums: WeightSums,
    s: Vec<Vec<f32>>,
    db: Vec<Vec<f32>>,
    /// The same of a chain's layers, and their biases.
    chain: WeightSums,
    chain_db: Vec<Vec<f32>>,
}

impl PenaltySums {
    /// Adds up what the lanes gathered.
    pub fn reduce(&mut self, arch: Arch, plan: Plan, lanes: &[Lane], depth: usize) {
        let (layers, gathers_gram) = plan.gathers(depth);
        self.sums.W.resize_with(depth, Vec::new);
        self.s.resize_with(depth, Vec::new);
        self.db.resize_with(depth, Vec::new);
        if gathers_gram {
            sum_of(arch, &mut self.sums.K, lanes, |p| &p.sums.K);
        }
        for l in layers {
            sum_of(arch, &mut self.sums.W[l], lanes, |p| &p.sums.W[l]);
            if plan.needs_f64() {
                sum_of(arch, &mut self.db[l], lanes, |p| &p.db[l]);
            }
        }
        if plan.needs_chain() {
            let layers = lanes.first().map_or(0, |lane| lane.penalty.chain.db.len());
            self.chain.W.resize_with(layers, Vec::new);
            self.chain_db.resize_with(layers, Vec::new);
            sum_of(arch, &mut self.chain.K, lanes, |p| &p.chain.sums.K);
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

fn sum_of<'l>(arch: Arch, total: &mut Vec<f32>, lanes: &'l [Lane], part: impl Fn(&'l LanePenalty) -> &'l Vec<f32>) {
    total.clear();
    for lane in lanes {
        let part = part(&lane.penalty);
        if total.is_empty() {
            total.extend_from_slice(part);
            continue;
        }
        arch.dispatch(
            #[inline(always)]
            || total.iter_mut().zip(part).for_each(|(t, p)| *t += p),
        );
    }
}

/// What the tiles read.
pub struct GradientSources<'a> {
    pub arch: Arch,
    pub parameters: &'a Parameters,
    pub record: &'a Record,
    pub plan: Plan,
    /// The penalty's weight in the objective.
    pub contraction: f64,
    pub inputs: &'a [&'a [f32]],
    /// Rows of the batch N.
    pub n: usize,
    pub a: [&'a [f32]; 2],
    pub dz: &'a [f32],
    pub sums: &'a PenaltySums,
}

impl GradientSources<'_> {
    fn activations(&self, column: Column) -> Rows<'_> {
        let data = &self.a[column.store][column.a..];
        Rows { data, rows: self.n, columns: column.width, stride: self.record.a_stride[column.store] }
    }

    fn adjoints(&self, column: Column) -> Rows<'_> {
        Rows { data: &self.dz[column.dz..], rows: self.n, columns: column.width, stride: self.record.dz_stride }
    }

    /// What layer `l` of the encoder reads at `point`.
    fn encoder_input(&self, point: usize, l: usize) -> Rows<'_> {
        let d = self.parameters.architecture().input_size();
        match l {
            0 => Rows { data: self.inputs[point], rows: self.n, columns: d, stride: d },
            _ => self.activations(self.record.encoder[point][l - 1]),
        }
    }

    /// What layer `l` of the decoder reads.
    fn decoder_input(&self, l: usize) -> Rows<'_> {
        match l {
            0 => self.activations(self.record.encoder[0][self.parameters.architecture().encoder_depth() - 1]),
            _ => self.activations(self.record.decoder[l - 1]),
        }
    }

    /// Sets one tile of the gradient.
    pub fn tile(&self, tile: &Tile, gradient: &mut [f32]) {
        gradient.fill(0.0);
        match (tile.is_decoder, tile.rows) {
            (false, 0) => self.encoder_bias(tile.layer, gradient),
            (false, _) => self.encoder_weight(tile, gradient),
            (true, 0) => {
                affine_backward_bias(self.arch, gradient, self.adjoints(self.record.decoder[tile.layer]));
                self.chain_bias(self.chain_layer(true, tile.layer), gradient);
            }
            (true, _) => {
                let dZ = self.adjoints(self.record.decoder[tile.layer]);
                affine_backward_weight(gradient, tile.from, dZ, self.decoder_input(tile.layer));
                let n = gradient.len() / tile.rows;
                self.chain_weight(self.chain_layer(true, tile.layer), false, tile, n, gradient);
            }
        }
    }

    fn encoder_bias(&self, l: usize, db: &mut [f32]) {
        for point in &self.record.encoder {
            affine_backward_bias(self.arch, db, self.adjoints(point[l]));
        }
        if let Some(more) = self.sums.db.get(l) {
            db.iter_mut().zip(more).for_each(|(g, m)| *g += m);
        }
        self.chain_bias(self.chain_layer(false, l), db);
    }

    /// Where a layer stands in the plan's chain, if it does.
    fn chain_layer(&self, is_decoder: bool, l: usize) -> Option<usize> {
        match (self.plan, is_decoder) {
            (Plan::NetworkJacobian { decoder_only: true, .. }, true) => Some(l),
            (Plan::NetworkJacobian { decoder_only: false, .. }, true) => {
                Some(self.parameters.architecture().encoder_depth() + l)
            }
            (Plan::NetworkJacobian { decoder_only: false, .. }, false) => Some(l),
            _ => None,
        }
    }

    fn chain_bias(&self, place: Option<usize>, db: &mut [f32]) {
        if let Some(place) = place {
            db.iter_mut().zip(&self.sums.chain_db[place]).for_each(|(g, m)| *g += m);
        }
    }

    /// The chain's share of a tile whose rows have n numbers. `is_mirrored` reads it as the transpose of the tile's
    /// layer, as a tied decoder's share of an encoder weight is.
    fn chain_weight(&self, place: Option<usize>, is_mirrored: bool, tile: &Tile, n: usize, dW: &mut [f32]) {
        let Some(place) = place else { return };
        let sums = &self.sums.chain.W[place];
        // Tangents gather the first layer transposed.
        let carries_tangents = matches!(self.plan, Plan::NetworkJacobian { carry: Carry::Tangents, .. });
        if is_mirrored != (place == 0 && carries_tangents) {
            let m = sums.len() / n;
            for (r, dW) in (tile.from..tile.from + tile.rows).zip(dW.chunks_exact_mut(n)) {
                dW.iter_mut().enumerate().for_each(|(i, g)| *g += sums[i * m + r]);
            }
        } else {
            dW.iter_mut().zip(&sums[tile.from * n..]).for_each(|(g, s)| *g += s);
        }
    }

    fn encoder_weight(&self, tile: &Tile, dW: &mut [f32]) {
        let (l, architecture) = (tile.layer, self.parameters.architecture());
        let W = self.parameters.encoder_weight(l);
        let n = W.columns();
        for (point, layers) in self.record.encoder.iter().enumerate() {
            affine_backward_weight(dW, tile.from, self.adjoints(layers[l]), self.encoder_input(point, l));
        }
        for decoder in 0..architecture.decoder_depth() {
            if mirrored(architecture, decoder) == Some(l) {
                let dZ = self.adjoints(self.record.decoder[decoder]);
                affine_backward_weight(dW, tile.from, self.decoder_input(decoder), dZ);
                self.chain_weight(self.chain_layer(true, decoder), true, tile, n, dW);
            }
        }
        self.chain_weight(self.chain_layer(false, l), false, tile, n, dW);
        let rows = tile.from..tile.from + tile.rows;
        let values = &W.values()[rows.start * n..rows.end * n];
        self.plan.weights_backward(self.arch, dW, values, self.contraction as f32);
        let depth = architecture.encoder_depth();
        if self.plan.gathers_row_scales(l, depth) {
            frobenius_backward_weight(self.arch, dW, values, &self.sums.s[l][rows.clone()]);
        }
        let (layers, gathers_gram) = self.plan.gathers(depth);
        let chain_gram = self.plan.needs_chain() && self.plan.needs_gram();
        if l == 0 && (gathers_gram || chain_gram) {
            // dW_1 += 2 K W_1.
            let m = W.rows();
            let K = if chain_gram { &self.sums.chain.K } else { &self.sums.sums.K };
            let K = View::new(&K[rows.start * m..rows.end * m], tile.rows, m);
            gemm(ViewMut::new(dW, tile.rows, n), Into::Add, 2.0, K, View::new(W.values(), m, n));
        }
        if layers.contains(&l) {
            let sums = &self.sums.sums.W[l];
            if l == 0 && self.plan.first_is_transposed() {
                let m = W.rows();
                for (r, dW) in rows.zip(dW.chunks_exact_mut(n)) {
                    dW.iter_mut().enumerate().for_each(|(i, g)| *g += sums[i * m + r]);
                }
            } else {
                dW.iter_mut().zip(&sums[rows.start * n..rows.end * n]).for_each(|(g, s)| *g += s);
            }
        }
    }
}
