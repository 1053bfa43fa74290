//! The pictures of a run: which rows and numbers they show, and where they lie.

use std::path::Path;

use contractive::data::Dataset;
use contractive::model::PictureSession;
use contractive::preprocess::ScaledRows;
use contractive::{EpochRecord, Model, Prepared, RunDirectory};
use contractive_core::Objective;
use contractive_core::patches::PictureShape;
use contractive_report::analysis::Activity;
use contractive_report::{
    LossHistory, filter_grid, loss_curve_png, loss_curve_svg, profile_grid, reconstruction_grid, tangent_grid,
    tangent_profiles, weight_heatmap,
};

use crate::output::write_file;

/// Images in a grid of reconstructions.
const IMAGES: usize = 10;
/// Rows of a table in a picture of profiles.
const PROFILES: usize = 6;
/// Filters in a grid.
const FILTERS: usize = 64;
/// Rows on which the units' activity is measured.
const ACTIVITY_ROWS: usize = 500;
/// Features whose names still fit under a picture.
const MOST_NAMES: usize = 40;
/// Width and height of the loss curve, in pixels.
const CURVE: (u32, u32) = (1600, 1200);

/// What came of drawing a run's pictures.
pub(crate) struct Drawn {
    /// Names of the pictures written.
    pub(crate) names: Vec<&'static str>,
    /// Why others could not be drawn, each with its name.
    pub(crate) failures: Vec<anyhow::Error>,
}

/// Draws all pictures of a run into its `images/`; where one fails the others are drawn.
pub(crate) fn write_all(prepared: &Prepared, model: &Model, history: &[EpochRecord], run: &RunDirectory) -> Drawn {
    let folder = run.images();
    let mut drawn = Drawn { names: Vec::new(), failures: Vec::new() };
    if let Err(e) = std::fs::create_dir_all(&folder) {
        drawn.failures.push(anyhow::Error::new(e).context(format!("cannot make the folder {}", folder.display())));
        return drawn;
    }
    let mut write = |name: &'static str, draw: &dyn Fn() -> anyhow::Result<Vec<u8>>| match draw()
        .and_then(|bytes| Ok(write_file(&folder.join(name), &bytes)?))
    {
        Ok(()) => drawn.names.push(name),
        Err(e) => drawn.failures.push(e.context(name)),
    };
    let weights = model.parameters().encoder_weight(0);
    match model.picture_shape() {
        Some(shape) => {
            write("reconstructions.png", &|| {
                let (data, rows) = unseen_images(prepared, IMAGES);
                image_grid(model, data, &rows, shape)
            });
            write("filters.png", &|| {
                let filters = liveliest_filters(prepared, model);
                Ok(filter_grid(&filters, shape, FILTERS, scale_of(shape.width))?)
            });
        }
        None => {
            write("profiles.png", &|| profiles(model, &unseen_rows(prepared, PROFILES)));
            write("weights.png", &|| {
                let names = model.preprocessing().feature_names();
                let (m, n) = (weights.rows(), weights.columns());
                Ok(weight_heatmap(weights.values(), m, n, "first-layer unit", names)?)
            });
        }
    }
    if !history.is_empty() {
        let losses = loss_history(model.objective(), history);
        write("loss.png", &|| Ok(loss_curve_png(&losses, CURVE.0, CURVE.1)?));
        write("loss.svg", &|| Ok(loss_curve_svg(&losses, CURVE.0, CURVE.1)?.into_bytes()));
    }
    drawn
}

/// Draws the first rows of `data` over, or beside, their reconstructions.
pub(crate) fn write_reconstructions(path: &Path, model: &Model, data: &Dataset) -> anyhow::Result<()> {
    let picture = match model.picture_shape() {
        Some(shape) => image_grid(model, data, &first_rows(data.pictures(), IMAGES), shape)?,
        None => profiles(model, &data.select(&first_rows(data, PROFILES)))?,
    };
    Ok(write_file(path, &picture)?)
}

/// Draws the tangents, `each` a row, at the rows `shown`, numbered `rows`: images beside theirs, or the profiles of a
/// table's.
pub(crate) fn write_tangents(
    path: &Path,
    model: &Model,
    shown: &Dataset,
    rows: &[usize],
    each: usize,
    tangents: &[f32],
) -> anyhow::Result<()> {
    let picture = match model.picture_shape() {
        Some(shape) => tangent_grid(&shown.to_vec(), tangents, rows.len(), shape, scale_of(shape.width))?,
        None => {
            let names = model.preprocessing().feature_names().filter(|names| names.len() <= MOST_NAMES);
            tangent_profiles(tangents, rows, each, shown.n_features(), names)?
        }
    };
    Ok(write_file(path, &picture)?)
}

/// Images, rows of `data`, over their reconstructions; of a model of patches whole pictures by their numbers.
fn image_grid(model: &Model, data: &Dataset, rows: &[u32], shape: PictureShape) -> anyhow::Result<Vec<u8>> {
    let shown = data.pictures().select(rows);
    let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<f32>>();
    let (shape, reconstructions) = match PictureSession::new(model, data, 1)? {
        None => (shape, narrow(model.reconstruct(&shown, 1)?)),
        Some(mut session) => {
            let mut all = Vec::new();
            for picture in rows {
                all.extend(narrow(session.reconstruct(*picture as usize)?));
            }
            (session.grid().shape(), all)
        }
    };
    Ok(reconstruction_grid(&shown.to_vec(), &reconstructions, shown.len(), shape, scale_of(shape.width))?)
}

/// Rows in the network's units, so that features of any size share an axis.
fn profiles(model: &Model, shown: &Dataset) -> anyhow::Result<Vec<u8>> {
    let reconstructions = match model.preprocessing().counts().is_none() {
        true => model.preprocessing().scaled_rows(&model.reconstruct(shown, 1)?),
        // Restored counts have a sum of their own, which they must not be divided by.
        false => model.outputs(shown, 1)?,
    };
    let mut originals = Vec::new();
    let rows: Vec<u32> = (0..shown.len() as u32).collect();
    ScaledRows { data: shown, preprocessing: model.preprocessing() }.gather(&rows, &mut originals);
    let names = model.preprocessing().feature_names().filter(|names| names.len() <= MOST_NAMES);
    Ok(profile_grid(&originals, &reconstructions, shown.len(), shown.n_features(), names)?)
}

/// Pixels of the picture for one of an image: about 112 a tile.
fn scale_of(width: usize) -> usize {
    (112 / width.max(1)).clamp(1, 8)
}

/// The first layer's weights, the units that move most first: those that never move show only their first weights.
fn liveliest_filters(prepared: &Prepared, model: &Model) -> Vec<f32> {
    // Patches of one picture follow each other.
    let all = prepared.train_rows();
    let apart = if prepared.data().patch_grid().is_some() { all.len().div_ceil(ACTIVITY_ROWS).max(1) } else { 1 };
    let rows: Vec<u32> = all.iter().step_by(apart).take(ACTIVITY_ROWS).copied().collect();
    let weights = model.parameters().encoder_weight(0);
    let order = Activity::measure(model, prepared.data(), &rows).liveliest_first();
    order.iter().take(FILTERS).flat_map(|&unit| weights.row(unit)).copied().collect()
}

/// Images that were not trained on where there are any: of the test part, else of the validation rows; with the rows they
/// are in, or of patches their pictures' numbers.
fn unseen_images(prepared: &Prepared, n: usize) -> (&Dataset, Vec<u32>) {
    if let Some(test) = prepared.test() {
        return (test, first_rows(test.pictures(), n));
    }
    let unseen = if prepared.validation_rows().is_empty() { prepared.train_rows() } else { prepared.validation_rows() };
    let together = prepared.data().rows_a_picture();
    let rows = unseen.iter().step_by(together).take(n).map(|row| row / together as u32).collect();
    (prepared.data(), rows)
}

/// Rows that were not trained on where there are any: of the test part, else of the validation rows.
fn unseen_rows(prepared: &Prepared, n: usize) -> Dataset {
    match &prepared.test() {
        Some(test) => test.select(&first_rows(test, n)),
        None => {
            let unseen =
                if prepared.validation_rows().is_empty() { prepared.train_rows() } else { prepared.validation_rows() };
            prepared.data().select(&unseen[..unseen.len().min(n)])
        }
    }
}

/// The first row of each class where rows have labels, filled up with the first of the others; `n` at most.
fn first_rows(data: &Dataset, n: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::new();
    if let Some(labels) = data.labels() {
        for class in 0..n as i64 {
            chosen.extend(labels.iter().position(|label| *label == class).map(|row| row as u32));
        }
    }
    let others: Vec<u32> = (0..data.len() as u32).filter(|row| !chosen.contains(row)).take(n - chosen.len()).collect();
    chosen.extend(others);
    chosen
}

fn loss_history(objective: &Objective, history: &[EpochRecord]) -> LossHistory {
    let has_penalty = objective.has_penalty();
    let of = |value: &dyn Fn(&EpochRecord) -> f64| history.iter().map(value).collect::<Vec<f64>>();
    let validation: Option<Vec<f64>> = history.iter().map(|record| Some(record.validation?.total)).collect();
    let penalty_name = match objective.penalty {
        contractive_core::Penalty::Jacobian => "mean ‖J‖²".to_owned(),
        contractive_core::Penalty::JacobianNorm => "mean ‖J‖".to_owned(),
        penalty => penalty.name().to_owned(),
    };
    LossHistory {
        epoch: of(&|record| record.epoch as f64),
        train_total: of(&|record| record.train.total),
        validation_total: validation,
        train_reconstruction: has_penalty.then(|| of(&|record| record.train.reconstruction)),
        train_penalty: has_penalty.then(|| of(&|record| record.train.penalty)),
        loss_name: format!("loss per row ({})", objective.loss),
        penalty_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_shown_once_and_gaps_are_filled() {
        let data = Dataset::from_f32("x", 1, vec![0.0; 6]).unwrap();
        assert_eq!(first_rows(&data, 3), [0, 1, 2]);
        let labelled = data.with_labels(vec![2, 2, 0, 1, 0, 1]).unwrap();
        assert_eq!(first_rows(&labelled, 4), [2, 3, 0, 1]);
        assert_eq!(first_rows(&labelled, 10).len(), 6);
    }
}
