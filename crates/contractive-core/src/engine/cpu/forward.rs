//! Encoding and decoding alone, block by block over any number of rows.

use super::flush_to_zero::FlushToZero;
use super::lane::Lane;
use super::weights::{decoder_bias, encoder_bias};
use super::{BLOCK, CpuEngine, LANES};
use crate::kernels::Plan;
use crate::kernels::activation::activation_forward;
use crate::kernels::affine::{Rows, affine_forward};
use crate::kernels::gemm::View;
use crate::matrix::MatRef;

impl CpuEngine {
    /// `layers` of one stack over `rows`, block by block; each layer is (M, bias, activation).
    pub(super) fn forward(&mut self, rows: MatRef<'_>, output: &mut [f32], is_encoder: bool) {
        if rows.rows() == 0 {
            return;
        }
        let plan = self.derived_for.map_or(Plan::None, |plans| plans[0]);
        self.derive(plan);
        let architecture = self.parameters.architecture();
        let depth = if is_encoder { architecture.encoder_depth() } else { architecture.decoder_depth() };
        let width = output.len() / rows.rows().max(1);
        let (arch, parameters, derived) = (self.arch, &self.parameters, &self.derived);
        let block = |(lane, (input, output)): (&mut Lane, (&[f32], &mut [f32]))| {
            let n = output.len() / width;
            let mut here = std::mem::take(&mut lane.buffers[0]);
            let mut next = std::mem::take(&mut lane.buffers[1]);
            here.clear();
            here.extend_from_slice(input);
            let mut columns = rows.columns();
            for l in 0..depth {
                let (M, bias, phi) = if is_encoder {
                    let layer = derived.encoder_layer(parameters, l);
                    let M = View::new(layer.WT, layer.n, layer.m);
                    (M, encoder_bias(parameters, l), architecture.encoder_activations[l])
                } else {
                    let M = derived.decoder_forward(parameters, l);
                    (M, decoder_bias(parameters, l), architecture.decoder_activations[l])
                };
                let m = bias.len();
                next.resize(n * m, 0.0);
                affine_forward(&mut next, m, Rows { data: &here, rows: n, columns, stride: columns }, M, bias);
                activation_forward(arch, phi, &mut next, &mut [], &mut []);
                std::mem::swap(&mut here, &mut next);
                columns = m;
            }
            output.copy_from_slice(&here);
            lane.buffers = [here, next];
        };
        self.lanes.resize_with(LANES, Lane::default);
        let _mode = FlushToZero::begin();
        let of_all = BLOCK * LANES;
        let inputs = rows.values().chunks(of_all * rows.columns());
        for (input, output) in inputs.zip(output.chunks_mut(of_all * width)) {
            let blocks = input.chunks(BLOCK * rows.columns()).zip(output.chunks_mut(BLOCK * width));
            self.team.each(self.lanes.iter_mut().zip(blocks), block);
        }
    }
}
