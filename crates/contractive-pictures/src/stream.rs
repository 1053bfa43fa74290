//! Pictures decoded ahead of where they are used, by several threads, and given in order.
//!
//! Threads take places in the order one after the other. One that wants more bytes than are left of [`MOST_AHEAD`] waits,
//! unless its picture is the next to be given: so there is always one that goes on.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::PictureError;
use crate::limits::MOST_AHEAD;
use crate::picture::Picture;
use crate::source::PictureSource;

type Read = Result<Picture, PictureError>;

/// Pictures in an order. Dropped, it ends its threads.
#[derive(Debug)]
pub struct Pictures {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Whether a picture or an error was given.
    has_given: bool,
}

#[derive(Debug)]
struct Shared {
    source: PictureSource,
    order: Vec<u32>,
    /// Places that may be under way or wait.
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The place that the next free thread takes.
    next: usize,
    /// The place that is given next.
    given: usize,
    /// What was read, by its place.
    ready: BTreeMap<usize, Read>,
    /// Bytes that each place under way or waiting takes.
    bytes: BTreeMap<usize, u64>,
    /// Threads that have not ended.
    at_work: usize,
    has_ended: bool,
}

impl Pictures {
    pub(crate) fn new(source: PictureSource, order: Vec<u32>, threads: usize) -> Self {
        let n = threads.clamp(1, order.len().max(1));
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { source, order, most: 2 * n, state, changed });
        let mut threads = Vec::new();
        for _ in 0..n {
            let at_work = AtWork::begin(&shared);
            let start = std::thread::Builder::new().name("pictures".into()).spawn(move || at_work.0.work());
            // Where the system gives no thread, fewer do, and the caller reads by itself where there is none.
            let Ok(thread) = start else { break };
            threads.push(thread);
        }
        Pictures { shared, threads, has_given: false }
    }

    /// The picture of the next place.
    fn taken(&self) -> Option<(u32, Read)> {
        let shared = &self.shared;
        let mut state = shared.lock();
        let place = state.given;
        let index = *shared.order.get(place)?;
        if self.threads.is_empty() {
            state.given += 1;
            drop(state);
            return Some((index, shared.source.read(index as usize)));
        }
        loop {
            if let Some(read) = state.ready.remove(&place) {
                state.given += 1;
                state.bytes.remove(&place);
                shared.changed.notify_all();
                return Some((index, read));
            }
            if state.at_work == 0 {
                return None;
            }
            state = shared.wait(state);
        }
    }

    /// A panic of a thread is the caller's.
    fn end(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            if let (Err(panic), false) = (thread.join(), std::thread::panicking()) {
                resume_unwind(panic);
            }
        }
    }
}

impl PictureSource {
    /// The pictures `order`, decoded by `threads` threads (at least one) and given in that order, with the same pixels for any number of
    /// threads. Memory: at most two pictures a thread are decoded or wait, together 128 MiB unless one alone takes more; of an archive
    /// those that are decoded ahead take together 4 MiB and 4 times its size.
    ///
    /// A broken picture is an error, after which the others follow; with `skip_broken` it is left out and told by [`PictureSource::skipped`],
    /// and where the source has no other, that is an error at the end, [`PictureError::AllBroken`].
    pub fn stream(&self, order: Vec<u32>, threads: usize) -> Pictures {
        Pictures::new(self.clone(), order, threads)
    }
}

impl Iterator for Pictures {
    type Item = Result<(u32, Picture), PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((index, read)) = self.taken() {
            let given = match read {
                Ok(picture) => Ok((index, picture)),
                Err(error) if self.shared.source.passes_over(index as usize, &error) => continue,
                Err(error) => Err(error),
            };
            self.has_given = true;
            return Some(given);
        }
        self.end();
        if std::mem::replace(&mut self.has_given, true) {
            return None;
        }
        self.shared.source.all_broken().map(Err)
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread's part of the work: whatever ends it, the one that waits for its picture is told.
struct AtWork(Arc<Shared>);

impl AtWork {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.lock().at_work += 1;
        AtWork(shared.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.lock().at_work -= 1;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(place) = self.place() {
            let read = self.source.read_reserving(self.order[place] as usize, &mut |bytes| self.reserve(place, bytes));
            let mut state = self.lock();
            state.bytes.insert(place, read.as_ref().map_or(0, |picture| picture.pixels.len() as u64));
            state.ready.insert(place, read);
            self.changed.notify_all();
        }
    }

    /// The next place, once it is near enough to what is given.
    fn place(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.has_ended || state.next == self.order.len() {
                return None;
            }
            if state.next < state.given + self.most {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.wait(state);
        }
    }

    /// Waits until so many bytes more may be taken for a place.
    fn reserve(&self, place: usize, bytes: u64) {
        let mut state = self.lock();
        while !state.has_ended && place != state.given && !self.has_room(&state, bytes) {
            state = self.wait(state);
        }
        *state.bytes.entry(place).or_default() += bytes;
    }

    /// Whether so many bytes more may be taken ahead. Of what is not read yet, and may be damaged, the place that is given next is not counted: it
    /// does not wait for those behind it, whatever they hold.
    fn has_room(&self, state: &State, bytes: u64) -> bool {
        let all = state.bytes.values().sum::<u64>();
        let is_unread = |place: &usize| *place != state.given && !state.ready.contains_key(place);
        let unread = state.bytes.iter().filter(|(place, _)| is_unread(place)).map(|(_, bytes)| bytes).sum::<u64>();
        all.saturating_add(bytes) <= MOST_AHEAD && unread.saturating_add(bytes) <= self.source.most_unread()
    }
}
