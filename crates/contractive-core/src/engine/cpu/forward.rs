//! Encoding and decoding alone, block by block over any number of rows.

use super::flush_to_zero::FlushToZero;
use super::lane::Lane;
use super::pass::{LANES, Workspace};
use super::weights::{decoder_bias, encoder_bias};
use crate::kernels::PenaltyPlan;
use crate::kernels::activation::activation_forward;
use crate::kernels::affine::affine_forward;
use crate::kernels::strided_rows::StridedRows;
use crate::matrix::MatRef;
use crate::parameters::Parameters;

/// Most rows that pass through a network at once where the caller gives many.
pub const BLOCK: usize = 512;

impl Workspace {
    /// `layers` of one stack over `rows`, block by block; each layer is (M, bias, activation).
    pub fn forward(&mut self, parameters: &Parameters, rows: MatRef<'_>, output: &mut [f32], is_encoder: bool) {
        if rows.rows() == 0 {
            return;
        }
        let plan = self.derived_for.map_or(PenaltyPlan::None, |plans| plans[0]);
        self.derive(parameters, plan);
        let architecture = parameters.architecture();
        let (sizes, activations) = if is_encoder {
            (&architecture.encoder_sizes, &architecture.encoder_activations)
        } else {
            (&architecture.decoder_sizes, &architecture.decoder_activations)
        };
        let depth = activations.len();
        let (d, width) = (sizes[0], sizes[depth]);
        let (arch, derived) = (self.arch, &self.derived);
        let block = |(lane, (input, output)): (&mut Lane, (&[f32], &mut [f32]))| {
            let n = output.len() / width;
            let [here, next] = &mut lane.buffers;
            for l in 0..depth {
                let (layer, bias) = if is_encoder {
                    (derived.encoder_layer(parameters, l), encoder_bias(parameters, l))
                } else {
                    (derived.decoder_layer(parameters, l), decoder_bias(parameters, l))
                };
                let data = if l == 0 { input } else { &**here };
                let A = StridedRows { data, rows: n, columns: sizes[l], stride: sizes[l] };
                // The first layer reads the caller's rows and the last one writes them: neither is copied.
                let Z = if l + 1 == depth {
                    &mut *output
                } else {
                    next.resize(n * sizes[l + 1]);
                    &mut **next
                };
                affine_forward(Z, sizes[l + 1], A, layer.forward(), bias, &mut lane.transposes);
                activation_forward(arch, activations[l], Z, &mut [], &mut []);
                std::mem::swap(here, next);
            }
        };
        self.lanes.resize_with(LANES, Lane::default);
        let _mode = FlushToZero::begin();
        let rows_of_block = rows_of_block(sizes);
        let of_all = rows_of_block * LANES;
        for (input, output) in rows.values().chunks(of_all * d).zip(output.chunks_mut(of_all * width)) {
            let blocks = input.chunks(rows_of_block * d).zip(output.chunks_mut(rows_of_block * width));
            self.teams.for_rows(rows.rows()).each(self.lanes.iter_mut().zip(blocks), block);
        }
    }
}

/// Rows that pass through the whole stack together: few enough that the widest layer's numbers stay in a core's own
/// cache, whole groups of the register tile, and enough of them that a panel of weights is worth a copy.
fn rows_of_block(sizes: &[usize]) -> usize {
    const NUMBERS: usize = 80 * 1024;
    let widest = sizes.iter().copied().max().unwrap_or(1);
    (NUMBERS / widest).clamp(96, BLOCK) / 6 * 6
}
