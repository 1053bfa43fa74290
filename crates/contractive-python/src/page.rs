//! `contractive._core.report`: the page that explains a trained network.

use contractive::{EpochRecord, Prepared, TrainConfig};
use contractive_report::{Repeat, RunRecord, report_html};
use pyo3::prelude::*;

use crate::failure::raise;
use crate::model::Model;
use crate::rows::Rows;
use crate::settings::parsed;
use crate::work::whole;

/// The page, as HTML, of a network trained on `rows` as the TOML of `config` says, with its history as JSON.
#[pyfunction]
#[pyo3(signature = (name, config, rows, model, history, *, names=None, image_shape=None))]
pub fn report(
    py: Python<'_>,
    name: &str,
    config: &str,
    rows: Rows<'_>,
    model: Model,
    history: &str,
    names: Option<Vec<String>>,
    image_shape: Option<(usize, usize)>,
) -> PyResult<String> {
    let config = TrainConfig::from_toml("the fitted estimator", config).map_err(raise)?;
    let history: Vec<EpochRecord> = parsed(history)?;
    let data = rows.dataset(names, image_shape)?;
    whole(py, || {
        let prepared = Prepared::new(&config, data, None).map_err(raise)?;
        let record = RunRecord::new(name, &prepared, &model.trained, &history).map_err(raise)?;
        report_html(&[record], &Repeat::default()).map_err(raise)
    })
}
