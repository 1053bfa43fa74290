//! Ranks that are threads of one process: to see what so many ranks give, and for tests.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{CommunicationError, Communicator, Group};

/// `n` ranks, at least 1, each for a thread of its own. When one is let go, calls that wait for it fail.
pub fn in_process(n: usize) -> Vec<Group> {
    let n = n.max(1);
    let room = Room { given: vec![Vec::new(); n], ..Room::default() };
    let shared = Arc::new(Shared { room: Mutex::new(room), changed: Condvar::new(), size: n });
    (0..n).map(|rank| Group::new(Thread { shared: Arc::clone(&shared), rank })).collect()
}

struct Thread {
    shared: Arc<Shared>,
    rank: usize,
}

struct Shared {
    room: Mutex<Room>,
    changed: Condvar,
    size: usize,
}

/// Where ranks meet.
#[derive(Default)]
struct Room {
    /// Meetings held.
    meetings: u64,
    arrived: usize,
    /// What each rank has brought.
    given: Vec<Vec<u8>>,
    /// What the last meeting gave: stands until all have come again, and so have taken it.
    result: Arc<Vec<u8>>,
    left: Option<usize>,
}

impl Thread {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.shared.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for all; the last to come combines what they brought.
    fn meet(
        &self,
        own: Vec<u8>,
        combine: impl FnOnce(&[Vec<u8>]) -> Vec<u8>,
    ) -> Result<Arc<Vec<u8>>, CommunicationError> {
        let mut room = self.room();
        let meeting = room.meetings;
        room.given[self.rank] = own;
        room.arrived += 1;
        if room.arrived == self.shared.size {
            room.result = Arc::new(combine(&room.given));
            room.arrived = 0;
            room.meetings += 1;
            self.shared.changed.notify_all();
            return Ok(Arc::clone(&room.result));
        }
        while room.meetings == meeting {
            if let Some(left) = room.left {
                let reason = format!("rank {left} is gone");
                return Err(CommunicationError::Broken { rank: self.rank, size: self.shared.size, reason });
            }
            room = self.shared.changed.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Arc::clone(&room.result))
    }
}

impl Communicator for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.size
    }

    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        let own = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let sums = self.meet(own, |given| {
            let number = |bytes: &[u8], i: usize| f64::from_le_bytes(bytes.as_chunks::<8>().0[i]);
            let sum = |i| given.iter().map(|bytes| number(bytes, i)).sum::<f64>();
            (0..given[0].len() / 8).flat_map(|i| sum(i).to_le_bytes()).collect()
        })?;
        for (number, bytes) in numbers.iter_mut().zip(sums.as_chunks::<8>().0) {
            *number = f64::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError> {
        let own = if root == self.rank { bytes.to_vec() } else { Vec::new() };
        bytes.copy_from_slice(&self.meet(own, |given| given[root].clone())?);
        Ok(())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.room().left = Some(self.rank);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_that_is_gone_ends_the_waiting() {
        let mut ranks = in_process(3);
        drop(ranks.pop());
        std::thread::scope(|scope| {
            let waiting: Vec<_> = ranks.iter().map(|group| scope.spawn(|| group.sum(&mut [1.0]))).collect();
            for one in waiting {
                let error = one.join().unwrap().unwrap_err().to_string();
                assert!(error.contains("rank 2 is gone"), "{error}");
            }
        });
    }
}
