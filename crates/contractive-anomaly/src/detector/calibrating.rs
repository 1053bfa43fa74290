//! Members learn about their outputs: networks trained become members, with the raw numbers of all rows.

use super::Member;
use super::calibration::Calibration;
use super::covariance::CodeDensity;
use super::jobs::for_each;
use super::location::Location;
use super::neighbours::Neighbours;
use super::rows::NetworkRows;
use super::scores::{Directions, Raw, add_squares, log, root_means};
use contractive::model::Model;
use contractive_core::communicator::{CommunicationError, Group};
use contractive_core::random::{Purpose, Stream};
use contractive_core::row_network::{RowNetwork, RowOutput};

/// A member with the raw numbers of every row.
type Calibrated = (Member, Vec<Raw>);

/// A network with its place among the others and its features' errors, and where the member goes.
type Job<'a> = (usize, ((Model, Vec<f64>), &'a mut Option<Calibrated>));

/// The root mean square errors of each feature over the rows `judged`, one list a network; of several ranks over the rows of
/// all, added up in their order.
pub(super) fn feature_errors(
    models: &[Model],
    threads: usize,
    judged: &NetworkRows,
    judges: &Group,
) -> Result<Vec<Vec<f64>>, CommunicationError> {
    let d = models[0].architecture().input_size();
    let mut sums = vec![0.0; models.len() * 2 * d];
    judges.in_turn(&mut sums, |sums| {
        for_each(models.iter().zip(sums.chunks_exact_mut(2 * d)), threads, || {
            |(model, sums): (&Model, &mut [f64])| {
                let judged_wide = wide(judged);
                let rows = judged_wide.chunks_exact(d).enumerate();
                let rows = rows.map(|(r, x)| (x, NetworkRows::missing_of(&judged.missing, r, d)));
                let (squares, counts) = sums.split_at_mut(d);
                add_squares(&RowNetwork::new(model.parameters()), rows, squares, counts);
            }
        });
    })?;
    Ok(sums.chunks_exact(2 * d).map(|sums| root_means(&sums[..d], &sums[d..])).collect())
}

fn wide(rows: &NetworkRows) -> Vec<f64> {
    rows.values.iter().map(|v| f64::from(*v)).collect()
}

/// Calibrates the networks trained, beside each other: the members, and of each the raw numbers of all rows. `errors` scale the
/// features, one list a network.
pub(super) fn calibrate_members(
    models: Vec<Model>,
    threads: usize,
    seed: u64,
    errors: Vec<Vec<f64>>,
    all: &NetworkRows,
) -> (Vec<Member>, Vec<Vec<Raw>>) {
    let mut calibrated: Vec<Option<Calibrated>> = vec![None; models.len()];
    let jobs = models.into_iter().zip(errors).zip(&mut calibrated).enumerate();
    for_each(jobs, threads, || {
        |(i, ((model, errors), place)): Job<'_>| {
            let stream = Stream::new(seed, Purpose::Analysis, 2, i as u64);
            let (calibration, raws) = calibrate(&model, errors, all, stream);
            *place = Some((Member { model, calibration }, raws));
        }
    });
    calibrated.into_iter().flatten().unzip()
}

/// The calibration and the raw numbers of all rows, which codes and terms are learnt from.
fn calibrate(model: &Model, feature_error: Vec<f64>, all: &NetworkRows, stream: Stream) -> (Calibration, Vec<Raw>) {
    let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
    let network = RowNetwork::new(model.parameters());
    let (all_wide, mut output) = (wide(all), RowOutput::default());
    let mut codes = Vec::with_capacity(all_wide.len() / d * k);
    for x in all_wide.chunks_exact(d) {
        network.reconstruct(x, &mut output);
        codes.extend_from_slice(&output.code);
    }
    let nowhere = Location { median: 0.0, spread: 1.0 };
    let mut calibration = Calibration {
        feature_error,
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
