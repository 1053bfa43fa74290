//! The members of an ensemble, trained beside each other; by several ranks one after the other, each by all of them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::error::DetectorError;
use super::jobs::for_each;
use super::member::{self, Trained};
use super::options::{MemberReport, TrainOptions};
use super::settings::{DetectorPlan, DetectorSettings};
use super::share::{Part, any};
use contractive_core::communicator::Group;

/// All members, in their order.
pub(super) fn train_members(
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
    plan: &DetectorPlan,
    (train, validation): (&Part, &Part),
    group: &Group,
    began: Instant,
) -> Result<Vec<Trained>, DetectorError> {
    let members = settings.ensemble;
    let mut results: Vec<Option<Result<Trained, DetectorError>>> = (0..members).map(|_| None).collect();
    let (beside, threads) = if group.is_alone() { (options.threads, 1) } else { (1, options.threads) };
    // Members that one thread trains after each other share its time.
    let rounds = members.div_ceil(beside.min(members)) as u32;
    let budget = settings.time_budget.map(Duration::from_secs_f64);
    for_each(results.iter_mut().enumerate(), beside, || {
        |(i, place): (usize, &mut Option<Result<Trained, DetectorError>>)| {
            let started = Instant::now();
            let round = i as u32 / members.div_ceil(rounds as usize) as u32 + 1;
            let deadline = budget.map(|budget| began + budget * round / rounds);
            let run = member::Run { deadline, stop: options.stop, group, threads };
            // Each that is begun costs a step, and ranks an exchange.
            let result = match any(group, options.stop.load(Ordering::Relaxed)) {
                Ok(false) => member::train(settings, plan, i, train, validation, &run),
                Ok(true) => Err(DetectorError::Stopped),
                Err(e) => Err(e.into()),
            };
            if let Ok(trained) = &result {
                (options.on_member)(&MemberReport {
                    member: i,
                    members,
                    steps: trained.steps,
                    most_steps: plan.steps,
                    validation: trained.validation,
                    seconds: started.elapsed().as_secs_f64(),
                });
            }
            *place = Some(result);
        }
    });
    if any(group, options.stop.load(Ordering::Relaxed))? {
        return Err(DetectorError::Stopped);
    }
    results.into_iter().flatten().collect()
}
