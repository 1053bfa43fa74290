//! The training of a detector of either kind: what is told of it meanwhile, and Ctrl-C.

use std::error::Error;
use std::sync::atomic::AtomicBool;

use contractive_anomaly::detector::{Agreement, DetectorPlan, MemberReport, TrainOptions};
use pyo3::prelude::*;

use crate::communicator::{Group, together};
use crate::ending;
use crate::failure::raise;
use crate::work::threads;

/// A Python function that is told, in JSON; what it raises is dropped: the training goes on.
pub struct Tells<'a> {
    pub listener: &'a Option<Py<PyAny>>,
    /// Whether it is told where kinds of score name other rows.
    pub of_scores: bool,
}

impl Tells<'_> {
    fn tell(&self, told: &serde_json::Value) {
        if let Some(function) = self.listener {
            ending::attached(|py| {
                if let Err(e) = function.call1(py, (told.to_string(),)) {
                    e.write_unraisable(py, Some(function.bind(py)));
                }
            });
        }
    }

    fn plan(&self, plan: &DetectorPlan) {
        self.tell(&serde_json::json!({
            "event": "plan", "rows": plan.rows, "validation_rows": plan.validation_rows, "reasons": plan.reasons,
        }));
    }

    fn member(&self, report: &MemberReport) {
        self.tell(&serde_json::json!({
            "event": "member", "member": report.member, "members": report.members, "steps": report.steps,
            "most_steps": report.most_steps, "validation": report.validation, "seconds": report.seconds,
        }));
    }

    fn scores(&self, agreements: &[Agreement]) {
        let apart = agreements.iter().filter(|agreement| agreement.is_apart());
        let apart: Vec<serde_json::Value> = apart
            .map(
                |a| serde_json::json!({ "own": a.own.name(), "other": a.other.name(), "shared": a.shared, "of": a.of }),
            )
            .collect();
        self.tell(&serde_json::json!({ "event": "scores", "apart": apart }));
    }
}

/// Trains, together with the other ranks of a group, and raises what interrupted it.
pub fn training<T: Send, E: Error + Send + 'static>(
    py: Python<'_>,
    group: Option<&Group>,
    n_threads: Option<usize>,
    tells: &Tells<'_>,
    work: impl FnOnce(&TrainOptions<'_>) -> Result<T, E> + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    let all = || {
        let (on_plan, on_member) = (|plan: &_| tells.plan(plan), |report: &_| tells.member(report));
        let on_scores = |agreements: &[_]| {
            if tells.of_scores {
                tells.scores(agreements);
            }
        };
        work(&TrainOptions {
            threads: threads(n_threads),
            on_plan: &on_plan,
            on_member: &on_member,
            on_scores: &on_scores,
            stop: &stop,
        })
    };
    let (result, signal) = together(py, &stop, group, all)?;
    match signal {
        Some(raised) => Err(raised),
        None => result.map_err(raise),
    }
}
