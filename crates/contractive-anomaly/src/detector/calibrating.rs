//! Members learn about their outputs: networks trained become members, with the raw numbers of all rows.

use super::Member;
use super::calibration::Calibration;
use super::covariance::CodeDensity;
use super::jobs::for_each;
use super::location::Location;
use super::neighbours::Neighbours;
use super::rows::NetworkRows;
use super::scores::{Directions, Raw, feature_errors, log};
use contractive::model::Model;
use contractive_core::random::{Purpose, Stream};
use contractive_core::row_network::{RowNetwork, RowOutput};

/// A member with the raw numbers of every row.
type Calibrated = (Member, Vec<Raw>);

/// Calibrates the networks trained, beside each other: the members, and of each the raw numbers of all rows.
pub(super) fn calibrate_members(
    models: Vec<Model>,
    threads: usize,
    seed: u64,
    judged: &NetworkRows,
    all: &NetworkRows,
) -> (Vec<Member>, Vec<Vec<Raw>>) {
    let mut calibrated: Vec<Option<Calibrated>> = vec![None; models.len()];
    for_each(models.into_iter().zip(calibrated.iter_mut().enumerate()), threads, || {
        |(model, (i, place)): (Model, (usize, &mut Option<Calibrated>))| {
            let stream = Stream::new(seed, Purpose::Analysis, 2, i as u64);
            let (calibration, raws) = calibrate(&model, judged, all, stream);
            *place = Some((Member { model, calibration }, raws));
        }
    });
    calibrated.into_iter().flatten().unzip()
}

/// The calibration and the raw numbers of all rows. `judged` are the rows whose errors scale the features, `all` those that
/// codes and terms are learnt from.
fn calibrate(model: &Model, judged: &NetworkRows, all: &NetworkRows, stream: Stream) -> (Calibration, Vec<Raw>) {
    let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
    let wide = |rows: &NetworkRows| rows.values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let network = RowNetwork::new(model.parameters());
    let (all_wide, mut output) = (wide(all), RowOutput::default());
    let mut codes = Vec::with_capacity(all_wide.len() / d * k);
    for x in all_wide.chunks_exact(d) {
        network.reconstruct(x, &mut output);
        codes.extend_from_slice(&output.code);
    }
    let judged_wide = wide(judged);
    let judged_rows =
        judged_wide.chunks_exact(d).enumerate().map(|(r, x)| (x, NetworkRows::missing_of(&judged.missing, r, d)));
    let nowhere = Location { median: 0.0, spread: 1.0 };
    let mut calibration = Calibration {
        feature_error: feature_errors(&network, judged_rows, d),
        code: CodeDensity::fit(&codes, k),
        neighbours: Neighbours::fit(&codes, k, stream),
        error: nowhere,
        density: nowhere,
        neighbour: nowhere,
        jacobian: nowhere,
    };
    let mut directions = Directions::default();
    let raws: Vec<Raw> = all_wide
        .chunks_exact(d)
        .enumerate()
        .map(|(r, x)| {
            network.apply(x, false, &mut output);
            Raw::of(x, NetworkRows::missing_of(&all.missing, r, d), &output, &calibration, &mut directions)
        })
        .collect();
    let location = |of: fn(&Raw) -> f64| Location::of(&mut raws.iter().map(of).collect::<Vec<f64>>());
    calibration.error = location(|raw| log(raw.scaled));
    calibration.density = location(|raw| log(raw.density));
    calibration.neighbour = location(|raw| log(raw.neighbour));
    calibration.jacobian = location(|raw| raw.jacobian);
    (calibration, raws)
}
