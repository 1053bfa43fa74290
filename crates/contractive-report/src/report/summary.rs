//! The top of the page: what was trained and what came of it.

use crate::record::RunRecord;
use askama::Template;
use contractive::Evaluation;
use contractive_core::Loss;

use super::error::ReportError;
use super::header::{Header, headline};
use super::legend::file_name;
use super::loss::formula;
use super::network::chain;
use super::number::{count, duration, grouped, percent, significant};
use crate::analysis::Concern;
use crate::error::FigureError;

/// The loss trained with, on the rows judged; NaN where it is not defined there.
pub(super) fn judged_loss(e: &Evaluation) -> f64 {
    match e.loss {
        Loss::Mse => e.mse,
        Loss::Sse => e.sse,
        Loss::Bce => e.bce.unwrap_or(f64::NAN),
        Loss::CrossEntropy => e.cross_entropy.unwrap_or(f64::NAN),
    }
}

pub(super) fn header(run: &RunRecord) -> Result<String, ReportError> {
    let e = &run.evaluation;
    let k = run.architecture.code_size();
    let seconds = run.history.iter().map(|epoch| epoch.seconds).sum();
    let word = if run.data.picture_shape.is_some() { "pixel" } else { "feature" };
    let judged_on = match run.is_of_model_alone() {
        true => format!("error on {} rows", grouped(e.rows)),
        false => format!("{} on {} rows", run.part, grouped(e.rows)),
    };
    let mut figures = vec![
        headline(
            &judged_on,
            significant(judged_loss(e), 4),
            match e.loss {
                Loss::Mse => format!("mean squared error a {word}"),
                loss => format!("{loss}; squared error {} a {word}", significant(e.mse, 3)),
            },
        ),
        headline("mean ‖J‖", significant(e.jacobian_norm, 3), format!("‖J‖² {}", significant(e.penalty, 3))),
        headline(
            "local dimension",
            significant(run.spectrum.local_dimension, 3),
            format!("of {}, at {}", count(run.spectrum.mean.len(), "direction"), count(run.spectrum.rows, "row")),
        ),
        headline("dead code units", format!("{:.0}", e.dead_code_units * k as f64), format!("of {}", grouped(k))),
    ];
    figures.push(match &run.provenance.imported {
        Some(from) => headline("imported", count(run.parameters, "parameter"), format!("from {}", from.source)),
        None if run.is_of_model_alone() => {
            headline("a model alone", count(run.parameters, "parameter"), "without the history of its run".into())
        }
        None => headline(
            "trained",
            count(run.history.len(), "epoch"),
            format!("in {}{}", duration(seconds), if run.divergence.is_some() { ", then diverged" } else { "" }),
        ),
    });
    let line = format!(
        "{} through {}, minimising {}{}",
        file_name(&run.data.name),
        chain(&run.architecture.encoder_sizes),
        formula(run),
        run.config.objective.noise.map_or_else(String::new, |noise| format!(" with {} input noise", noise.name())),
    );
    let header = Header { name: run.name.clone(), line, figures, advice: advice(run) };
    Ok(header.render().map_err(FigureError::from)?)
}

/// What a reader should not miss.
fn advice(run: &RunRecord) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(d) = &run.divergence {
        let shown = match run.provenance.epoch {
            0 => "the last model before that".to_owned(),
            epoch => format!("the best model before that, of epoch {epoch}"),
        };
        let text = format!(
            "Training diverged in epoch {}, step {}: {} was not finite. This page shows {shown}. Lower \
             `training.learning_rate` or set `training.clip`.",
            grouped(d.epoch),
            d.step,
            d.term
        );
        all.push(text);
    }
    let finite = run.history.iter().all(|epoch| epoch.train.total.is_finite() && epoch.watched().is_finite());
    if !finite {
        all.push(
            "A loss is not finite: training diverged. Lower `training.learning_rate` or set `training.clip`."
                .to_owned(),
        );
    }
    all.extend(concerns(run).iter().map(|concern| concern_in_words(concern, &run.part.to_string())));
    if run.spectrum.mean.first() == Some(&0.0) && run.concern.is_none() {
        all.push("The code does not move at all: it has collapsed. Lower `objective.contraction`.".to_owned());
    }
    let both = run.kept().and_then(|kept| Some((kept.train.reconstruction, kept.validation?.reconstruction)));
    let both = both.filter(|_| run.divergence.is_none());
    if let Some((train, validation)) = both.filter(|(train, validation)| *validation > 1.3 * train) {
        let more = percent(validation / train - 1.0);
        all.push(format!("Validation reconstruction is {more} above training: the network overfits."));
    }
    all
}

/// The fault found when training ended, and those that the numbers of the page show.
fn concerns(run: &RunRecord) -> Vec<Concern> {
    let (e, units) = (&run.evaluation, run.architecture.code_size());
    let dead = (e.dead_code_units * units as f64).round() as usize;
    // The numbers of the page are of more rows, and take the place of those found then.
    let is_of_numbers = |c: &Concern| matches!(c, Concern::DeadUnits { .. } | Concern::Saturated { .. });
    let found = run.concern.filter(|concern| !is_of_numbers(concern));
    found.into_iter().chain(Concern::of_dead(dead, units)).chain(Concern::of_saturation(e.saturation)).collect()
}

/// A fault and the settings that may mend it.
fn concern_in_words(concern: &Concern, part: &str) -> String {
    let number = |value: f64| significant(value, 3);
    match concern {
        Concern::DeadCode { units } => format!(
            "All {units} code units give the same number for every row: the code is dead. Lower \
             `training.learning_rate` or `objective.contraction`, or give `model.code_activation` leaky_relu or tanh."
        ),
        Concern::ConstantCode { code_deviation, rows_deviation } => format!(
            "The code is all but constant: it deviates by {} where the rows deviate by {}, and no more than their mean \
             is restored. Lower `objective.contraction`.",
            number(*code_deviation),
            number(*rows_deviation)
        ),
        Concern::WorseThanMean { mse, variance } => format!(
            "The reconstruction is no better than the mean row: a squared error of {} a feature on the {part} rows, \
             where the mean has {}. Raise `training.epochs`, change `training.learning_rate`, or lower \
             `objective.contraction`.",
            number(*mse),
            number(*variance)
        ),
        Concern::DeadUnits { dead, units } => format!(
            "{} of {} code units are dead: they give the same number for every row. Lower `training.learning_rate` or \
             `objective.contraction`, give `model.code_activation` leaky_relu or tanh, or make the last of \
             `model.hidden` smaller.",
            grouped(*dead),
            grouped(*units)
        ),
        Concern::Saturated { share } => format!(
            "{} of the numbers of bounded units are saturated, where units have almost no slope and hardly learn. Lower \
             `training.learning_rate` or `objective.contraction`, scale the rows (`data.scale` standard), or give \
             `model.hidden_activation` and `model.code_activation` softplus or leaky_relu, which have no bounds.",
            percent(*share)
        ),
    }
}
