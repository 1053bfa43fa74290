//! What the toolkit asks of a communicator.

use std::fmt;
use std::sync::Arc;

use super::{Alone, CommunicationError, Communicator};

/// Ranks that work together; a process alone is a group of one, which sends nothing.
#[derive(Clone)]
pub struct Group(Arc<dyn Communicator>);

/// The longest message shown of another rank's error, in bytes.
const LONGEST: usize = 4096;

impl Default for Group {
    fn default() -> Self {
        Group::alone()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({} of {})", self.rank(), self.size())
    }
}

/// So that a communicator can be put around a group, one that takes times for instance.
impl Communicator for Group {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        self.0.allreduce_f64(numbers)
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError> {
        self.0.broadcast(bytes, root)
    }
}

impl Group {
    /// The ranks that `communicator` connects.
    pub fn new(communicator: impl Communicator + 'static) -> Self {
        Group(Arc::new(communicator))
    }

    /// A process alone.
    pub fn alone() -> Self {
        Group::new(Alone)
    }

    /// This process among the others, from 0.
    pub fn rank(&self) -> usize {
        self.0.rank()
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Whether there are no others.
    pub fn is_alone(&self) -> bool {
        self.size() == 1
    }

    /// Whether this is the rank that writes.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Puts in place of each number the sum of those of all ranks.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn sum(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        if self.is_alone() { Ok(()) } else { self.0.allreduce_f64(numbers) }
    }

    /// A fold over the rows of all ranks in their order: `fold` goes on with `state` where the rank before left it. All end
    /// with the last rank's state, to the bits of one process with all rows.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn in_turn(&self, state: &mut [f64], fold: impl FnOnce(&mut [f64])) -> Result<(), CommunicationError> {
        if self.is_alone() {
            fold(state);
            return Ok(());
        }
        let mut bytes = bytes_of(state);
        let mut fold = Some(fold);
        for root in 0..self.size() {
            if let Some(fold) = fold.take_if(|_| root == self.rank()) {
                numbers_of(&bytes, state);
                fold(state);
                bytes = bytes_of(state);
            }
            self.0.broadcast(&mut bytes, root)?;
        }
        numbers_of(&bytes, state);
        Ok(())
    }

    /// The number that each rank gives, in their order. Whole numbers below 2⁵³ stay exact.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn each(&self, number: f64) -> Result<Vec<f64>, CommunicationError> {
        let mut numbers = vec![0.0; self.size()];
        numbers[self.rank()] = number;
        self.sum(&mut numbers)?;
        Ok(numbers)
    }

    /// The numbers of all ranks, one after the other in their order.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn gather(&self, numbers: Vec<f64>) -> Result<Vec<f64>, CommunicationError> {
        if self.is_alone() {
            return Ok(numbers);
        }
        let lengths = self.each(numbers.len() as f64)?;
        let mut all = vec![0.0; lengths.iter().sum::<f64>() as usize];
        let mut from = 0;
        for (root, length) in lengths.into_iter().enumerate() {
            let piece = &mut all[from..from + length as usize];
            let mut bytes = if root == self.rank() { bytes_of(&numbers) } else { vec![0; size_of_val(piece)] };
            self.0.broadcast(&mut bytes, root)?;
            numbers_of(&bytes, piece);
            from += length as usize;
        }
        Ok(all)
    }

    /// The bytes of every rank, in their order.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn gather_bytes(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CommunicationError> {
        let lengths = self.each(bytes.len() as f64)?;
        let mut own = Some(bytes);
        let piece = |(root, length): (usize, f64)| {
            let mut piece = match own.take_if(|_| root == self.rank()) {
                Some(own) => own,
                None => vec![0; length as usize],
            };
            self.0.broadcast(&mut piece, root)?;
            Ok(piece)
        };
        lengths.into_iter().enumerate().map(piece).collect()
    }

    /// The bytes that rank 0 gives; those of the others are let go.
    ///
    /// # Errors
    /// [`CommunicationError::Broken`].
    pub fn of_first(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CommunicationError> {
        let mut length = [if self.is_first() { bytes.len() as f64 } else { 0.0 }];
        self.sum(&mut length)?;
        let mut bytes = if self.is_first() { bytes } else { vec![0; length[0] as usize] };
        self.0.broadcast(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Lets all ranks go on only where all can: a rank that has no error gets that of the first that has one.
    ///
    /// # Errors
    /// The rank's own error, else [`CommunicationError::Elsewhere`].
    pub fn agree<T, E>(&self, outcome: Result<T, E>) -> Result<T, E>
    where
        E: From<CommunicationError> + fmt::Display,
    {
        if self.is_alone() {
            return outcome;
        }
        let failed = self.each(if outcome.is_err() { 1.0 } else { 0.0 })?;
        let Some(rank) = failed.iter().position(|failed| *failed > 0.0) else { return outcome };
        let own = outcome.as_ref().err().filter(|_| rank == self.rank()).map(|e| shortened(e.to_string()).into_bytes());
        let mut length = [own.as_ref().map_or(0.0, |own| own.len() as f64)];
        self.sum(&mut length)?;
        let mut message = own.unwrap_or_else(|| vec![0; length[0] as usize]);
        self.0.broadcast(&mut message, rank)?;
        let message = String::from_utf8_lossy(&message).into_owned();
        outcome.and_then(|_| Err(CommunicationError::Elsewhere { rank, message }.into()))
    }

    /// Refuses what is not the same on all ranks.
    ///
    /// # Errors
    /// [`CommunicationError::Differs`] on every rank.
    pub fn same(&self, what: &'static str, own: &str) -> Result<(), CommunicationError> {
        if self.is_alone() {
            return Ok(());
        }
        let all = self.gather_bytes(own.as_bytes().to_vec())?;
        let texts: Vec<String> = all.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        CommunicationError::unless_alike(what, &texts)
    }
}

impl CommunicationError {
    /// [`CommunicationError::Differs`] unless what each rank has, in their order, is the same.
    ///
    /// # Errors
    /// As it says.
    pub fn unless_alike(what: &'static str, of_ranks: &[String]) -> Result<(), Self> {
        let Some(rank) = of_ranks.iter().position(|other| *other != of_ranks[0]) else { return Ok(()) };
        let shown = |rank: usize| shortened(of_ranks[rank].clone());
        Err(CommunicationError::Differs { what, rank, got: shown(rank), expected: shown(0) })
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

fn bytes_of(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers_of(bytes: &[u8], numbers: &mut [f64]) {
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = f64::from_le_bytes(*bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::in_process;
    use super::*;

    /// What each of `n` ranks gives.
    fn of_ranks<T: Send>(n: usize, work: impl Fn(Group) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let ranks: Vec<_> = in_process(n).into_iter().map(|group| scope.spawn(|| work(group))).collect();
            ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
        })
    }

    #[test]
    fn folds_in_turn_have_the_bits_of_one_process() {
        let numbers: Vec<f64> = (0..1000).map(|i| 1.0 / f64::from(3 * i + 1)).collect();
        let whole = numbers.iter().fold(0.1, |sum, x| sum + x);
        for n in [1, 2, 3, 7] {
            let sums = of_ranks(n, |group| {
                // Uneven shares, the last rank's empty.
                let share = 1000_usize.div_ceil(n.max(2) - 1);
                let own = numbers.iter().skip(group.rank() * share).take(if n == 1 { 1000 } else { share });
                let mut state = [0.1];
                group.in_turn(&mut state, |state| own.for_each(|x| state[0] += x)).unwrap();
                state[0]
            });
            assert_eq!(sums, vec![whole; n]);
        }
    }

    #[test]
    fn pieces_of_any_length_come_together_in_order() {
        for n in [1, 2, 4] {
            let gathered = of_ranks(n, |group| {
                let rank = group.rank();
                let numbers = group.gather(vec![rank as f64; 2 * rank]).unwrap();
                let bytes = group.gather_bytes(vec![rank as u8; 3 - rank.min(3)]).unwrap();
                let first = group.of_first(vec![rank as u8; rank + 2]).unwrap();
                (numbers, bytes.concat(), first)
            });
            let numbers: Vec<f64> = (0..n).flat_map(|rank| vec![rank as f64; 2 * rank]).collect();
            let bytes: Vec<u8> = (0..n).flat_map(|rank| vec![rank as u8; 3 - rank]).collect();
            assert_eq!(gathered, vec![(numbers, bytes, vec![0, 0]); n]);
        }
    }

    #[test]
    fn an_error_of_one_rank_ends_all_and_says_whose_it_is() {
        let outcomes = of_ranks(3, |group| {
            let own = if group.rank() == 1 { Err(broken("no such file: a.csv")) } else { Ok(7) };
            (group.agree(own), group.agree(Ok::<i32, CommunicationError>(7)))
        });
        let elsewhere = CommunicationError::Elsewhere { rank: 1, message: broken("no such file: a.csv").to_string() };
        for (rank, (first, second)) in outcomes.into_iter().enumerate() {
            assert_eq!(first, Err(if rank == 1 { broken("no such file: a.csv") } else { elsewhere.clone() }));
            assert_eq!(second, Ok(7));
        }
    }

    #[test]
    fn what_differs_is_named_on_all() {
        let outcomes = of_ranks(3, |group| group.same("settings", if group.rank() == 2 { "b" } else { "a" }));
        for outcome in outcomes {
            let text = outcome.unwrap_err().to_string();
            assert_eq!(text, "all ranks must be given the same settings: on rank 2 it is b, on rank 0 a");
        }
    }

    fn broken(reason: &str) -> CommunicationError {
        CommunicationError::Broken { rank: 1, size: 3, reason: reason.into() }
    }
}
