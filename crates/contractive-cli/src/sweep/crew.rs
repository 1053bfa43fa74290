//! How many runs are trained at once, and doing so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use contractive::TrainConfig;
use contractive_core::Architecture;
use contractive_core::parameters::layout;

/// Networks of more parameters are trained one after the other: several would push each other out of the cache.
const SMALL: usize = 2_000_000;
/// Bytes of a run beside its rows: weights, gradients, the optimiser's memory, two checkpoints on their way to the disk, …
const BYTES_A_PARAMETER: u64 = 100;
const BYTES_A_RUN: u64 = 64 << 20;
/// Share of the free memory that runs may take.
const SHARE_OF_MEMORY: f64 = 0.7;

/// How the threads are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crew {
    /// Runs trained at once.
    pub(crate) at_once: usize,
    /// Threads of each.
    pub(crate) threads: usize,
}

impl Crew {
    /// For `runs` runs of at most `parameters` parameters, with `threads` threads and `memory` bytes in all; `asked` is how
    /// many at once a user wants.
    pub(crate) fn new(
        runs: usize,
        parameters: usize,
        threads: usize,
        memory: Option<u64>,
        asked: Option<usize>,
    ) -> Self {
        let threads = threads.max(1);
        let wished = asked.unwrap_or(if parameters <= SMALL { threads } else { 1 });
        let bytes = BYTES_A_RUN + BYTES_A_PARAMETER * parameters as u64;
        let fits = memory.map_or(usize::MAX, |memory| (memory as f64 * SHARE_OF_MEMORY / bytes as f64) as usize);
        let at_once = wished.min(runs).min(fits).max(1);
        Crew { at_once, threads: (threads / at_once).max(1) }
    }

    /// Does `work` for each of `items`, so many at once; `None` for those that were not begun when `stop` was raised.
    pub(crate) fn do_all<I: Sync, T: Send>(
        self,
        items: &[I],
        stop: &AtomicBool,
        work: impl Fn(&I) -> T + Sync,
    ) -> Vec<Option<T>> {
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(i) else { break };
                done.push((i, work(item)));
            }
            done
        };
        let mut all: Vec<Option<T>> = items.iter().map(|_| None).collect();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.at_once.min(items.len())).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                let done = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                done.into_iter().for_each(|(i, result)| all[i] = Some(result));
            }
        });
        all
    }
}

/// The most parameters of these networks on `d` features.
pub(crate) fn most_parameters<'a>(configs: impl Iterator<Item = &'a TrainConfig>, d: usize) -> usize {
    let number = |net: &Architecture| layout(net).iter().map(|place| place.range().len()).sum();
    configs.map(|config| number(&config.architecture(d))).max().unwrap_or(0)
}

/// Bytes that can be had, where the system says so.
pub(crate) fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_nets_share_the_threads_and_large_ones_take_turns() {
        let crew = |runs, parameters, memory, asked| {
            let Crew { at_once, threads } = Crew::new(runs, parameters, 8, memory, asked);
            (at_once, threads)
        };
        assert_eq!(crew(20, 50_000, None, None), (8, 1));
        assert_eq!(crew(3, 50_000, None, None), (3, 2));
        assert_eq!(crew(20, 5_000_000, None, None), (1, 8));
        assert_eq!(crew(20, 5_000_000, None, Some(2)), (2, 4));
        assert_eq!(crew(20, 50_000, Some(300 << 20), None), (3, 2));
        assert_eq!(crew(20, 50_000, Some(1), None), (1, 8));
        assert_eq!(crew(20, 50_000, None, Some(40)), (20, 1));
    }

    #[test]
    fn all_is_done_in_order_and_nothing_after_a_stop() {
        let crew = Crew { at_once: 3, threads: 1 };
        let stop = AtomicBool::new(false);
        let items: Vec<usize> = (0..50).collect();
        let squares = crew.do_all(&items, &stop, |i| i * i);
        assert_eq!(squares, items.iter().map(|i| Some(i * i)).collect::<Vec<_>>());
        let one = Crew { at_once: 1, threads: 1 };
        let some = one.do_all(&items, &stop, |i| stop.store(*i == 4, Ordering::Relaxed));
        assert_eq!(some.iter().flatten().count(), 5);
    }
}
