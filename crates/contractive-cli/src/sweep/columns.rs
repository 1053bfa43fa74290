//! Which numbers of its runs a sweep shows.

use contractive::EpochRecord;
use contractive_core::Terms;
use contractive_report::RunRecord;

use super::plan::Plan;
use super::result::RunResult;
use super::table::Column;

/// Losses, ‖J‖ and time of each run, from its kept epoch. Losses are the reconstruction alone, which is the same quantity
/// whatever is added to it.
pub(crate) fn of_sweep(plan: &Plan, results: &[RunResult]) -> Vec<Column> {
    let column = |name: &str, key: &str, has_best: bool, of: &dyn Fn(&EpochRecord) -> Option<f64>| Column {
        name: name.to_owned(),
        key: key.to_owned(),
        values: results.iter().map(|result| result.kept().and_then(of)).collect(),
        has_best,
    };
    let loss = |terms: Terms| terms.reconstruction;
    let has_validation = results.iter().any(|result| result.kept().is_some_and(|epoch| epoch.validation.is_some()));
    let compares = have_one_loss(plan);
    let mut columns = Vec::new();
    if has_validation {
        columns.push(column("validation loss", "validation", compares, &|epoch| epoch.validation.map(loss)));
    } else {
        columns.push(column("training loss", "training", compares, &|epoch| Some(loss(epoch.train))));
    }
    columns.push(column("test loss", "test", false, &|epoch| epoch.test.map(loss)));
    columns.push(column("‖J‖", "jacobian_norm", false, &|epoch| Some(epoch.jacobian_norm)));
    let seconds = results.iter().map(|result| result.kept().map(|_| result.seconds)).collect();
    columns.push(Column { name: "seconds".into(), key: "seconds".into(), values: seconds, has_best: false });
    columns
}

/// Whether the runs' losses are the same quantity: the same loss of rows that are scaled alike.
fn have_one_loss(plan: &Plan) -> bool {
    let of = |i: usize| (&plan.runs[i].config.objective.loss, &plan.runs[i].config.data.scale);
    (1..plan.runs.len()).all(|i| of(i) == of(0))
}

/// What kinds of autoencoders do to the rows that judge them.
pub(crate) fn of_comparison(records: &[Option<RunRecord>]) -> Vec<Column> {
    let column = |name: &str, key: &str, has_best: bool, of: &dyn Fn(&RunRecord) -> Option<f64>| Column {
        name: name.to_owned(),
        key: key.to_owned(),
        values: records.iter().map(|record| record.as_ref().and_then(of)).collect(),
        has_best,
    };
    let mut columns = vec![
        column("squared error", "squared_error", true, &|r| Some(r.evaluation.sse)),
        column("‖J‖", "jacobian_norm", false, &|r| Some(r.evaluation.jacobian_norm)),
        column("‖J‖²/var", "jacobian_to_code_variance", true, &|r| r.evaluation.jacobian_to_code_variance),
        column("near 0", "near_zero", false, &|r| Some(r.code.near_zero)),
    ];
    let sigmas: Vec<f64> =
        records.iter().flatten().next().map_or_else(Vec::new, |r| r.code.noise.iter().map(|n| n.sigma).collect());
    for (i, sigma) in sigmas.into_iter().enumerate() {
        let (name, key) = (format!("moved {sigma}"), format!("moved_by_noise_{sigma}"));
        columns.push(column(&name, &key, true, &|r| r.code.noise.get(i).and_then(|noise| noise.change)));
    }
    columns.push(column("dim", "local_dimension", false, &|r| Some(r.spectrum.local_dimension)));
    let seconds = |r: &RunRecord| Some(r.history.iter().map(|epoch| epoch.seconds).sum());
    columns.push(column("seconds", "seconds", false, &seconds));
    columns
}
