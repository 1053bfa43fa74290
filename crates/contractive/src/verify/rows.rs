//! Rows to look at where there are no data.

use contractive_core::Loss;
use contractive_core::random::{Purpose, Stream};
use serde::Serialize;

use crate::model::Model;
use crate::preprocess::Scale;

/// How rows were drawn, as the network takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawn {
    /// Each number uniform between 0 and 1: of images, and of features scaled to that.
    Uniform,
    /// Each number standard normal.
    Normal,
}

impl Drawn {
    /// What stands in for data of `model`.
    fn of(model: &Model) -> Self {
        let is_unit = matches!(model.objective().loss, Loss::Bce | Loss::CrossEntropy)
            || model.preprocessing().scale() == Scale::Minmax
            || model.picture_shape().is_some();
        if is_unit { Drawn::Uniform } else { Drawn::Normal }
    }
}

/// `n` rows drawn from seed 0 in the place of data, as the network of `model` takes them, row-major (n, d).
pub fn drawn_rows(model: &Model, n: usize) -> (Drawn, Vec<f32>) {
    let drawn = Drawn::of(model);
    let mut stream = Stream::new(0, Purpose::Analysis, 4, 0);
    let mut rows = vec![0.0; n * model.architecture().input_size()];
    match drawn {
        Drawn::Uniform => stream.fill_uniform(&mut rows),
        Drawn::Normal => stream.fill_normal(&mut rows),
    }
    (drawn, rows)
}
