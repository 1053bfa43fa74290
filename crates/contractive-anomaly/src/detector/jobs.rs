//! Work that is shared out among threads.

use std::sync::Mutex;

/// Does every job, on up to `threads` threads; `worker` makes what a thread does its jobs with.
pub(crate) fn for_each<J: Send, F: FnMut(J)>(
    jobs: impl Iterator<Item = J> + Send,
    threads: usize,
    worker: impl Fn() -> F + Sync,
) {
    let (fewest, _) = jobs.size_hint();
    let threads = threads.min(fewest.max(1));
    if threads <= 1 {
        jobs.for_each(worker());
        return;
    }
    let jobs = Mutex::new(jobs);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut work = worker();
                loop {
                    // A panic elsewhere is passed on by the scope; the queue itself is whole.
                    let next = jobs.lock().unwrap_or_else(|e| e.into_inner()).next();
                    match next {
                        Some(job) => work(job),
                        None => break,
                    }
                }
            });
        }
    });
}
