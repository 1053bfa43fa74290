//! The threads of an engine: a team that stays awake between the phases of a step.
//!
//! A phase is a list of pieces of work, each with what it may write, handed out one after the other to the next free
//! thread; it ends when all are done. Pieces are cut by the batch and the network, never by the number of threads, and summed in
//! a fixed order afterwards: the same seed gives the same bits for any number of threads. Between phases a thread spins
//! for a while, since the next one begins within microseconds, then sleeps.
#![allow(unsafe_code)] // work on the caller's stack is lent to threads that outlive the call

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::flush_to_zero::FlushToZero;

/// Pieces handed out in one round; longer lists take several.
const ROUND: usize = 64;
/// Turns of a spin loop, about 100 µs, before a thread sleeps; few in an interpreter.
const SPINS: usize = if cfg!(miri) { 10 } else { 10_000 };

/// The calling thread and some more. One thread alone works on the caller's.
#[derive(Debug, Default)]
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// A round of work, as the workers see it.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Runs piece i of the context.
    run: unsafe fn(*const (), usize),
    context: *const (),
    pieces: usize,
}

#[derive(Debug, Default)]
struct Shared {
    /// Incremented for each round, and once more at the end.
    round: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    /// The next piece to hand out.
    next: AtomicUsize,
    /// Workers that have not finished the round.
    busy: AtomicUsize,
    asleep: AtomicUsize,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    sleep_lock: Mutex<()>,
    wake: Condvar,
}

// SAFETY: `job` is written by the caller of `Team::each` alone, while no worker reads it: after the last round's `busy`
// reached 0 and before `round` is incremented. Its context is shared only as `Team::round` describes.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointers in `job` are not followed once a round is over.
unsafe impl Send for Shared {}

impl Team {
    /// A team of `threads`, at least 1. Where the system refuses threads there are fewer: the same bits, only later.
    pub fn of(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let worker = |i: usize| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("contractive-{i}")).spawn(move || shared.work()).ok()
        };
        let workers = (1..threads).map_while(worker).collect();
        Team { shared, workers }
    }

    /// Runs `work` on every piece, in any order, and waits for the last.
    ///
    /// # Panics
    /// When `work` does.
    pub fn each<T: Send>(&mut self, pieces: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
        if self.workers.is_empty() {
            return pieces.for_each(work);
        }
        let mut pieces = pieces.fuse();
        loop {
            let mut some: [Option<T>; ROUND] = std::array::from_fn(|_| pieces.next());
            match some.iter().take_while(|piece| piece.is_some()).count() {
                0 => return,
                1 => some.into_iter().flatten().for_each(&work),
                n => self.round(&mut some[..n], &|piece| piece.take().into_iter().for_each(&work)),
            }
        }
    }

    /// One round: every piece by some thread of the team.
    fn round<T: Send, F: Fn(&mut T) + Sync>(&mut self, pieces: &mut [T], work: &F) {
        struct Context<'a, T, F> {
            pieces: *mut T,
            work: &'a F,
        }
        /// # Safety
        /// `context` is a live `Context<T, F>` with more than `i` pieces, and no one else runs piece `i`.
        unsafe fn run<T, F: Fn(&mut T)>(context: *const (), i: usize) {
            // SAFETY: by the caller's promise.
            let (piece, work) = unsafe {
                let context = &*context.cast::<Context<'_, T, F>>();
                (&mut *context.pieces.add(i), context.work)
            };
            work(piece);
        }
        let context = Context { pieces: pieces.as_mut_ptr(), work };
        let job = Job { run: run::<T, F>, context: (&raw const context).cast(), pieces: pieces.len() };
        let shared = &*self.shared;
        // SAFETY: no worker reads `job` now: the last round ended with `busy` at 0, and this one has not begun. `&mut self`
        // keeps other rounds away.
        unsafe { *shared.job.get() = Some(job) };
        shared.next.store(0, Ordering::Relaxed);
        shared.busy.store(self.workers.len(), Ordering::Relaxed);
        shared.begin();
        shared.take_pieces(job);
        // The context and the pieces live on this stack: nothing may leave before every worker is done with them.
        let mut turns = 0;
        while shared.busy.load(Ordering::Acquire) > 0 {
            turns += 1;
            if turns < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        let panic = shared.panic.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.begin();
        for worker in self.workers.drain(..) {
            // A worker's panic was passed on when it happened.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Increments the round and wakes the sleeping workers.
    fn begin(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) > 0 {
            let _guard = self.sleep_lock.lock().unwrap_or_else(|e| e.into_inner());
            self.wake.notify_all();
        }
    }

    /// The loop of a worker thread.
    fn work(&self) {
        let _mode = FlushToZero::begin();
        let mut round = 0;
        loop {
            round = self.next_round(round);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            // SAFETY: written before the round was incremented, and not again before `busy` is 0.
            if let Some(job) = unsafe { *self.job.get() } {
                self.take_pieces(job);
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    /// Waits until the round is another than `last`: spinning, then asleep.
    fn next_round(&self, last: usize) -> usize {
        for _ in 0..SPINS {
            let round = self.round.load(Ordering::Acquire);
            if round != last {
                return round;
            }
            std::hint::spin_loop();
        }
        // Counted as asleep before the round is read once more: `begin` increments it before it reads the count.
        self.asleep.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.sleep_lock.lock().unwrap_or_else(|e| e.into_inner());
        while self.round.load(Ordering::SeqCst) == last {
            guard = self.wake.wait(guard).unwrap_or_else(|e| e.into_inner());
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
        self.round.load(Ordering::SeqCst)
    }

    /// Runs pieces until none is left; a panic is kept for the caller, and the other pieces are still run.
    fn take_pieces(&self, job: Job) {
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= job.pieces {
                return;
            }
            // SAFETY: the context lives until `busy` is 0, which this thread has not counted down yet (the caller itself
            // stays in `round`); i is below the number of pieces, and `next` gives each number once.
            let done = catch_unwind(AssertUnwindSafe(|| unsafe { (job.run)(job.context, i) }));
            if let Err(panic) = done {
                let mut first = self.panic.lock().unwrap_or_else(|e| e.into_inner());
                match *first {
                    None => *first = Some(panic),
                    // Not dropped: what a panic carries may panic when it is, and would leave the round before its end.
                    Some(_) => std::mem::forget(panic),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_whatever_the_size_of_the_team() {
        for threads in [1, 2, 3, 8] {
            let mut team = Team::of(threads);
            for n in [0, 1, 2, 63, 64, 65, 300].into_iter().take(if cfg!(miri) { 6 } else { 7 }) {
                let mut counts = vec![0_u32; n];
                for _ in 0..5 {
                    team.each(counts.iter_mut().enumerate(), |(i, count)| *count += i as u32 + 1);
                }
                let want: Vec<u32> = (0..n as u32).map(|i| 5 * (i + 1)).collect();
                assert_eq!(counts, want, "{n} pieces, {threads} threads");
            }
        }
    }

    #[test]
    fn it_wakes_up_again() {
        let mut team = Team::of(3);
        for _ in 0..3 {
            let mut sums = [0_u64; 40];
            team.each(sums.iter_mut(), |sum| *sum = (0..100).sum());
            assert_eq!(sums, [4_950; 40]);
            // Longer than a thread spins.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_lives_on() {
        let mut team = Team::of(2);
        let mut numbers = [0, 1, 2, 3];
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.each(numbers.iter_mut(), |n| if *n == 2 { panic!("two") } else { *n += 10 });
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"two"));
        assert_eq!(numbers, [10, 11, 2, 13]);
        team.each(numbers.iter_mut(), |n| *n = 7);
        assert_eq!(numbers, [7; 4]);
    }

    /// Dropped inside the round, the second of these would end a worker, for which the caller would wait for ever, or the
    /// caller's stay on the stack that the workers still use.
    #[test]
    fn a_panic_whose_payload_panics_in_its_turn_ends_no_round_early() {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    panic!("dropped");
                }
            }
        }
        let mut team = Team::of(2);
        let mut numbers = [0; 8];
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.each(numbers.iter_mut(), |n| {
                *n += 1;
                resume_unwind(Box::new(Payload));
            });
        }));
        std::mem::forget(outcome.unwrap_err().downcast::<Payload>().expect("the first panic"));
        assert_eq!(numbers, [1; 8]);
        team.each(numbers.iter_mut(), |n| *n = 7);
        assert_eq!(numbers, [7; 8]);
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn workers_flush_subnormals_to_zero() {
        let half = |x: f32| std::hint::black_box(x) * std::hint::black_box(0.5);
        let mut team = Team::of(2);
        let caller = std::thread::current().id();
        for _ in 0..100 {
            let mut results = [1.0; 64];
            team.each(results.iter_mut(), |r| {
                let is_worker = std::thread::current().id() != caller;
                *r = if is_worker { half(f32::MIN_POSITIVE) } else { 0.0 };
            });
            assert_eq!(results, [0.0; 64]);
        }
    }
}
