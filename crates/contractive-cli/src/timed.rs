//! How long exchanges take, those of a run itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contractive_core::communicator::{CommunicationError, Communicator, Group};
use serde::Serialize;

/// A group whose exchanges are timed.
pub(crate) struct Timed {
    group: Group,
    timings: Timings,
}

/// What exchanges took, waiting for other ranks included.
#[derive(Clone, Default)]
pub(crate) struct Timings(Arc<Mutex<BTreeMap<Size, Taken>>>);

/// What was exchanged, and its bytes.
type Size = (&'static str, usize);

#[derive(Clone, Copy, Default)]
struct Taken {
    times: usize,
    all: Duration,
}

/// Exchanges of one kind and size.
#[derive(Serialize)]
struct OfSize {
    exchange: &'static str,
    bytes: usize,
    times: usize,
    seconds: f64,
}

#[derive(Serialize)]
struct Event {
    event: &'static str,
    exchanges: Vec<OfSize>,
}

impl Timed {
    pub(crate) fn new(group: Group) -> Self {
        Timed { group, timings: Timings::default() }
    }

    /// What the exchanges took so far, and will take.
    pub(crate) fn timings(&self) -> Timings {
        self.timings.clone()
    }
}

impl Timings {
    fn of<T>(&self, exchange: &'static str, bytes: usize, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        let took = began.elapsed();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry((exchange, bytes)).or_default();
        taken.times += 1;
        taken.all += took;
        result
    }

    /// All of them, as a line of JSON.
    pub(crate) fn line(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_size = |(&(exchange, bytes), taken): (&Size, &Taken)| {
            let (times, seconds) = (taken.times, taken.all.as_secs_f64());
            OfSize { exchange, bytes, times, seconds }
        };
        let event = Event { event: "exchanges", exchanges: all.iter().map(of_size).collect() };
        serde_json::to_string(&event).unwrap_or_default()
    }
}

impl Communicator for Timed {
    fn rank(&self) -> usize {
        self.group.rank()
    }

    fn size(&self) -> usize {
        self.group.size()
    }

    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        self.timings.of("sum", size_of_val(numbers), || self.group.allreduce_f64(numbers))
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError> {
        self.timings.of("broadcast", bytes.len(), || self.group.broadcast(bytes, root))
    }
}
