//! What `scripts/bench.sh` measured of the named workloads beside other frameworks, on machines of ours: `expected.json`,
//! which that script writes together with docs/performance.md.

use contractive_core::Architecture;
use serde::{Deserialize, Serialize};

use super::workload;

/// The last measurement of one workload with one instruction set and one number of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// A letter, as on the page.
    pub workload: String,
    /// As [`contractive_core::instructions::name`] has it.
    pub instructions: String,
    /// Threads of both sides.
    pub threads: usize,
    /// The processor's name.
    pub processor: String,
    /// The day.
    pub date: String,
    /// Operations a second of exact steps, as a share of multiply-adds in registers.
    pub share_of_multiply_add_rate: f64,
    /// Our exact steps a second over those of the fastest formulation of any peer.
    pub ratio_to_fastest_peer: f64,
    /// That formulation.
    pub fastest_peer: String,
}

impl Expected {
    /// All measurements.
    pub fn all() -> Vec<Expected> {
        serde_json::from_str(include_str!("expected.json")).unwrap_or_default()
    }

    /// That of this network with these instructions and as many threads, or the most below.
    pub fn find(architecture: &Architecture, batch: usize, instructions: &str, threads: usize) -> Option<Expected> {
        let named = workload::all();
        let is_it = |e: &Expected| {
            let work = named.get(&e.workload)?;
            let is_same = work.architecture() == *architecture && work.batch == batch;
            (is_same && e.instructions == instructions && e.threads <= threads).then_some(e.threads)
        };
        Expected::all().into_iter().filter(|e| is_it(e).is_some()).max_by_key(|e| e.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measurement_is_of_a_named_workload_and_is_found_by_its_network() {
        let all = Expected::all();
        assert!(!all.is_empty(), "expected.json holds measurements");
        for e in &all {
            let work = &workload::all()[&e.workload];
            let found = Expected::find(&work.architecture(), work.batch, &e.instructions, e.threads);
            assert_eq!(found.as_ref(), Some(e));
            assert!(e.share_of_multiply_add_rate > 0.0 && e.share_of_multiply_add_rate < 1.1, "{e:?}");
            assert!(e.ratio_to_fastest_peer > 0.0, "{e:?}");
        }
    }

    #[test]
    fn another_batch_or_instruction_set_has_none_and_more_threads_the_nearest() {
        let e = &Expected::all()[0];
        let work = &workload::all()[&e.workload];
        let find = |batch, instructions: &str, threads| {
            Expected::find(&work.architecture(), batch, instructions, threads).map(|e| e.threads)
        };
        assert_eq!(find(work.batch + 1, &e.instructions, 2), None);
        assert_eq!(find(work.batch, "neon", 2), None);
        assert_eq!(find(work.batch, &e.instructions, 64), Some(2));
    }
}
