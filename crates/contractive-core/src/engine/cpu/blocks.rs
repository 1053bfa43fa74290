//! The flat gradient cut into blocks, each the work of one task.
//!
//! Blocks follow from the network alone. A weight is cut into bands of columns, a band into blocks of rows: neighbouring
//! blocks then read the same columns of W and of the layer's input. Bounds are multiples of the register tile's sides
//! (kernels/gemm), so that few tiles are partial.

use std::ops::Range;

use crate::architecture::Architecture;
use crate::kernels::gemm::ViewMut;

/// Columns of a band, about.
const COLUMNS: usize = 192;
/// Weights of a block, about: enough work for a task, small enough for an even share.
const WEIGHTS: usize = 1 << 14;
/// Rows and columns whose multiples fill whole register tiles.
const TILE: [usize; 2] = [12, 64];

/// Part of the gradient of one weight or bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    pub is_decoder: bool,
    pub layer: usize,
    pub is_bias: bool,
    /// First row and column.
    pub from: [usize; 2],
    /// Rows and columns of the block.
    pub size: [usize; 2],
    /// Rows and columns of the whole weight; (1, m) for a bias.
    pub of: [usize; 2],
}

/// The blocks of a network, which cover the flat gradient in order.
pub fn blocks(architecture: &Architecture) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (is_decoder, sizes) in [(false, &architecture.encoder_sizes), (true, &architecture.decoder_sizes)] {
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (n, m) = (pair[0], pair[1]);
            let block = |is_bias, of: [usize; 2], rows: Range<usize>, columns: Range<usize>| Block {
                is_decoder,
                layer,
                is_bias,
                from: [rows.start, columns.start],
                size: [rows.len(), columns.len()],
                of,
            };
            if !(is_decoder && architecture.tied) {
                for columns in cut(n, n.div_ceil(COLUMNS), TILE[1]) {
                    for rows in cut(m, (m * columns.len()).div_ceil(WEIGHTS), TILE[0]) {
                        blocks.push(block(false, [m, n], rows, columns.clone()));
                    }
                }
            }
            blocks.push(block(true, [1, m], 0..1, 0..m));
        }
    }
    blocks
}

/// 0..n in at most `parts` parts whose bounds are multiples of `unit`, as equal as that allows.
fn cut(n: usize, parts: usize, unit: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let units = n / unit;
    let parts = parts.clamp(1, units.max(1));
    let bound = move |i: usize| if i == parts { n } else { i * units / parts * unit };
    (0..parts).map(move |i| bound(i)..bound(i + 1))
}

/// Each block with its part of the gradient.
pub fn each_block<'a>(
    blocks: &'a [Block],
    gradient: &'a mut [f32],
) -> impl Iterator<Item = (&'a Block, ViewMut<'a, f32>)> {
    let mut rest = gradient;
    let (mut weight, mut band) = (None, None);
    blocks.iter().filter_map(move |block| {
        let ([rows, columns], [m, n]) = (block.size, block.of);
        if block.from == [0, 0] {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(m * n);
            (rest, weight) = (after, Some(ViewMut::new(here, m, n)));
        }
        if block.from[0] == 0 {
            let (left, right) = weight.take()?.split_columns(columns);
            (band, weight) = (Some(left), Some(right));
        }
        let (here, below) = band.take()?.split_rows(rows);
        band = Some(below);
        Some((block, here))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn blocks_cover_every_gradient_once() {
        let a = Activation::Sigmoid;
        for sizes in [&[784, 64, 32, 16][..], &[5, 3], &[300, 1000], &[2000, 40], &[1, 1]] {
            for tied in [false, true] {
                let network = Architecture::mirrored(sizes[0], &sizes[1..], a, a, a, tied);
                let parameters = crate::Parameters::zeros(&network).unwrap();
                let blocks = blocks(&network);
                let mut gradient = vec![0.0; parameters.len()];
                let mut seen = 0;
                for (block, mut view) in each_block(&blocks, &mut gradient) {
                    assert_eq!([view.rows(), view.columns()], block.size);
                    seen += 1;
                    for i in 0..view.rows() {
                        view.row(i).iter_mut().for_each(|g| *g += 1.0);
                    }
                }
                assert_eq!(seen, blocks.len());
                assert!(gradient.iter().all(|g| *g == 1.0), "{sizes:?}, tied {tied}");
            }
        }
    }

    /// A block's entries are where its `from` says: row i, column j of its weight.
    #[test]
    fn a_block_lies_where_it_says() {
        let a = Activation::Sigmoid;
        let network = Architecture::mirrored(400, &[90], a, a, a, true);
        let mut gradient: Vec<f32> = (0..400 * 90 + 90 + 400).map(|i| i as f32).collect();
        for (block, mut view) in each_block(&blocks(&network), &mut gradient).filter(|(block, _)| !block.is_bias) {
            let [first, left] = block.from;
            for i in 0..view.rows() {
                let row = view.row(i);
                assert_eq!(row[0], ((first + i) * 400 + left) as f32);
                assert_eq!(row[row.len() - 1], ((first + i) * 400 + left + row.len() - 1) as f32);
            }
        }
    }

    #[test]
    fn bounds_suit_the_tile() {
        let ranges = |n, parts, unit| cut(n, parts, unit).collect::<Vec<_>>();
        assert_eq!(ranges(784, 5, 64), [0..128, 128..256, 256..448, 448..576, 576..784]);
        assert_eq!(ranges(10, 4, 64), vec![0..10]);
        assert_eq!(ranges(100, 3, 12), [0..24, 24..60, 60..100]);
    }
}
