//! Where each layer's numbers lie: one record a row of the batch, in three stores.
//!
//! Activations alternate between two stores, layer by layer, so that a layer reads one and writes the other; the
//! adjoints ∂C/∂z lie in the third. Rows are records, so that a lane is a contiguous piece of each store, and a layer
//! over all rows is one strided matrix for the weight gradients.

use crate::architecture::Architecture;

/// Where one layer's activations and adjoints lie in a record.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Store of the activations: 0 or 1. The output layer keeps none.
    pub store: usize,
    /// First number of the activations in a record of that store.
    pub a: usize,
    /// First number of the adjoints in a record of the third store.
    pub dz: usize,
    /// Units m of the layer.
    pub width: usize,
}

/// The record of one row.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Numbers a record in the two stores of activations, at least 1.
    pub a_stride: [usize; 2],
    /// Numbers a record in the store of adjoints.
    pub dz_stride: usize,
    /// One list of layers for each point the encoder is evaluated at.
    pub encoder: Vec<Vec<Column>>,
    /// The decoder's layers.
    pub decoder: Vec<Column>,
}

impl Record {
    /// The record for an encoder evaluated at `points` points, the first of which is decoded.
    pub fn new(architecture: &Architecture, points: usize) -> Self {
        let mut record = Record::default();
        let depth = architecture.encoder_depth();
        for _ in 0..points {
            let layers = (0..depth).map(|l| record.column(l % 2, architecture.encoder_sizes[l + 1], true)).collect();
            record.encoder.push(layers);
        }
        for l in 0..architecture.decoder_depth() {
            let is_output = l + 1 == architecture.decoder_depth();
            let column = record.column((depth + l) % 2, architecture.decoder_sizes[l + 1], !is_output);
            record.decoder.push(column);
        }
        record.a_stride = record.a_stride.map(|s| s.max(1));
        record
    }

    fn column(&mut self, store: usize, width: usize, keeps_activations: bool) -> Column {
        let column = Column { store, a: self.a_stride[store], dz: self.dz_stride, width };
        self.a_stride[store] += if keeps_activations { width } else { 0 };
        self.dz_stride += width;
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn neighbouring_layers_lie_in_different_stores() {
        let a = Activation::Relu;
        let record = Record::new(&Architecture::mirrored(10, &[7, 5, 3], a, a, a, false), 2);
        let chain: Vec<Column> = record.encoder[0].iter().chain(&record.decoder).copied().collect();
        assert!(chain.windows(2).all(|pair| pair[0].store != pair[1].store));
        assert_eq!(record.dz_stride, 2 * (7 + 5 + 3) + 5 + 7 + 10);
        assert_eq!(record.a_stride, [2 * (7 + 3) + 7, 2 * 5 + 5]);
    }
}
