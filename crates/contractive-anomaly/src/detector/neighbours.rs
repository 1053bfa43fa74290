//! How far a code lies from its neighbours among the codes of training rows: where codes fall into several groups, one
//! centre and one covariance see the space between them as ordinary, and this does not.

use serde::{Deserialize, Serialize};

use contractive_core::random::Stream;

/// Most training codes kept. Few on purpose: a cluster of anomalies then has too few codes to be neighbours of its own.
const MOST: usize = 256;
/// The neighbour whose distance counts, of [`MOST`]; of fewer codes a quarter, at most this.
const NEIGHBOUR: usize = 20;

/// Codes of training rows, (M, k), M from 1 to 256.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbours {
    pub(super) codes: Vec<f64>,
}

impl Neighbours {
    /// Keeps codes drawn by `stream` from `codes`, row-major (N, k), N at least 1.
    pub(super) fn fit(codes: &[f64], k: usize, mut stream: Stream) -> Self {
        let mut rows: Vec<u32> = (0..(codes.len() / k) as u32).collect();
        stream.shuffle(&mut rows);
        rows.truncate(MOST);
        rows.sort_unstable();
        Neighbours { codes: rows.iter().flat_map(|r| &codes[*r as usize * k..][..k]).copied().collect() }
    }

    /// The distance of `h` to its neighbour; leaves h minus the neighbour, the direction in which the distance grows, in
    /// `away`.
    pub(super) fn distance(&self, h: &[f64], away: &mut Vec<f64>) -> f64 {
        let k = h.len();
        let square = |code: &[f64]| h.iter().zip(code).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let mut distances = [(0.0, 0_usize); MOST];
        let distances = &mut distances[..self.codes.len() / k];
        for (i, (place, code)) in distances.iter_mut().zip(self.codes.chunks_exact(k)).enumerate() {
            *place = (square(code), i);
        }
        let nth = self.counted(k) - 1;
        let (_, &mut (square, i), _) =
            distances.select_nth_unstable_by(nth, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        away.clear();
        away.extend(h.iter().zip(&self.codes[i * k..][..k]).map(|(a, b)| a - b));
        square.sqrt()
    }

    /// Which neighbour's distance counts, from 1, of codes of `k` units.
    pub(super) fn counted(&self, k: usize) -> usize {
        NEIGHBOUR.min((self.codes.len() / k).div_ceil(4))
    }

    /// Whether the stored numbers can be codes of `k` units.
    pub(super) fn is_valid(&self, k: usize) -> bool {
        let n = self.codes.len();
        n > 0 && n.is_multiple_of(k) && n / k <= MOST && self.codes.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::Purpose;

    #[test]
    fn the_distance_is_that_of_the_right_neighbour() {
        let codes: Vec<f64> = (0..80).flat_map(|i| [f64::from(i), 0.0]).collect();
        let neighbours = Neighbours::fit(&codes, 2, Stream::new(0, Purpose::Analysis, 0, 0));
        let mut away = Vec::new();
        // From −1 the codes lie at 1, 2, 3, …: the 20th is at 20.
        assert_eq!(neighbours.distance(&[-1.0, 0.0], &mut away), 20.0);
        assert_eq!(away, [-20.0, 0.0]);
        let one = Neighbours::fit(&[3.0, 4.0], 2, Stream::new(0, Purpose::Analysis, 0, 0));
        assert_eq!(one.distance(&[0.0, 0.0], &mut away), 5.0);
        let many: Vec<f64> = (0..3000).map(f64::from).collect();
        let kept = Neighbours::fit(&many, 1, Stream::new(0, Purpose::Analysis, 0, 0));
        assert!(kept.is_valid(1) && kept.codes.len() == MOST && !kept.is_valid(3));
    }
}
