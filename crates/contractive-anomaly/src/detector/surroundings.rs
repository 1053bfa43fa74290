//! Where a row lies among the rows trained on: a term of the score that looks at the table itself, without a network.
//!
//! With d₁ ≤ d₂ ≤ … the distances of a row to training rows in their [`Views`], other than itself, and a bar for the mean
//! over the training rows:
//!
//! ```text
//! nearest = √((d₁/d̄₁ + c)(q₅/q̄₅ + c))          q_k = √((d₁² + … + d_k²)/k), c = 0.01
//! local   = q₂₀ / mean of q₂₀ over the 20 nearest rows      as in the local outlier factor (Breunig et al. 2000)
//! remote  = d_K/d̄_K                              K a twentieth of the training rows, of few a quarter, at most 20
//! crowd   = a quantile of the scores of the region: the nearest twentieth of the training rows, at least 60
//! ```
//!
//! `nearest` finds what no training row resembles, and is blind to anomalies that have a double among the training rows;
//! `remote` sees past a few of them. `crowd` is what keeps a populated region from being flagged: where most of a row's
//! region scores as high as the row, the region is ordinary, and its score is taken off.
//!
//! One training row that equals the row is passed over: it may be the row itself. So a table scores the same later as it
//! did in training. Of windows of a time series those that overlap it are passed over too. Of more than 10,000 training
//! rows so many are drawn. Of more than 30,000 windows every so many-th is kept; the windows between them are not known
//! again, find those that overlap them, and score lower than new ones would.

use serde::{Deserialize, Serialize};

use super::jobs::for_each;
use super::location::{Location, Unit};
use super::views::{FeatureKind, Views};
use contractive_core::matrix::MatRef;
use contractive_core::nearest::{Bank, NearestScratch, Neighbour};
use contractive_core::random::Stream;

/// Most training rows kept.
const MOST: usize = 10_000;
/// Most windows kept: few of a series' windows lie between those kept.
const MOST_WINDOWS: usize = 30_000;
/// Neighbours of q₅ and q₂₀.
const FEW: usize = 5;
const SOME: usize = 20;
/// Share of the training rows that is a region, and the fewest rows of one.
const REGION: f64 = 0.05;
const FEWEST: usize = 60;
/// c: distances far below the mean are all alike.
pub(super) const NEAR: f64 = 1e-2;
/// Least ratio of distances that counts.
pub(super) const LEAST_LOCAL: f64 = 0.05;
/// Least mean distance that is divided by, where training rows are all the same.
pub(super) const LEAST_MEAN: f64 = 1e-9;
/// Rows looked up together.
const CHUNK: usize = 256;

/// What is kept of the training rows beside the rows themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learnt {
    pub(super) views: Views,
    /// d̄₁, q̄₅ and d̄_K.
    pub(super) first: f64,
    pub(super) few: f64,
    pub(super) far: f64,
    /// Where the logarithms of the three terms lie over the training rows: nearest, local, remote.
    pub(super) terms: [Location; 3],
    /// The order of the quantile that is the crowd; `None` where no region counts as ordinary.
    pub(super) crowd: Option<f64>,
    /// Rows to either side of a row, in their order, that overlap it; 0 but for windows.
    overlap: usize,
}

impl Learnt {
    /// What terms of these rows' scores are counted in.
    pub(super) fn unit(&self) -> Unit {
        if self.views.per_feature() == 1 { Unit::Ratios } else { Unit::Deviations }
    }
}

/// The training rows, and what was learnt of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Surroundings {
    pub(super) learnt: Learnt,
    /// Rows as the network takes them, (M, d).
    pub(super) rows: Vec<f32>,
    /// q₂₀ of each row.
    pub(super) spacing: Vec<f64>,
    /// The combined score of each row, before its crowd is taken off.
    pub(super) scores: Vec<f64>,
    pub(super) bank: Bank,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) nearest: f64,
    pub(super) local: f64,
    pub(super) remote: f64,
    /// 0 where no region counts as ordinary, or this one scores below the median row.
    pub(super) crowd: f64,
    /// The nearest row, and the one at d_K.
    first: u32,
    far: u32,
}

impl Place {
    /// The terms in the rows' unit: nearest, local, remote.
    pub(super) fn terms(&self, learnt: &Learnt) -> [f64; 3] {
        let logs = self.logs();
        std::array::from_fn(|i| learnt.terms[i].term(logs[i], learnt.unit()))
    }

    fn logs(&self) -> [f64; 3] {
        [libm::log(self.nearest), libm::log(self.local.max(LEAST_LOCAL)), libm::log(self.remote + NEAR)]
    }
}

/// What a row's neighbours come to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Summary {
    /// d₁, q₅, q₂₀ and d_K.
    first: f64,
    few: f64,
    some: f64,
    far: f64,
    /// The rows of the first so many.
    rows: [u32; SOME],
    n_rows: usize,
    /// The row at d_K.
    far_row: u32,
}

impl Summary {
    const NONE: Summary = Summary { first: 0.0, few: 0.0, some: 0.0, far: 0.0, rows: [0; SOME], n_rows: 0, far_row: 0 };

    fn of(near: &[Neighbour], sizes: &Sizes) -> Self {
        let mut rows = [0; SOME];
        rows.iter_mut().zip(&near[..sizes.some]).for_each(|(row, n)| *row = n.row);
        let away = &near[sizes.remote - 1];
        Summary {
            first: near[0].square.sqrt(),
            few: root_mean(&near[..sizes.few]),
            some: root_mean(&near[..sizes.some]),
            far: away.square.sqrt(),
            rows,
            n_rows: sizes.some,
            far_row: away.row,
        }
    }
}

/// What a thread writes over.
#[derive(Debug, Default)]
pub(super) struct PlaceScratch {
    views: Vec<f32>,
    nearest: NearestScratch,
    scores: Vec<f64>,
    others: Vec<Neighbour>,
    pub(super) places: Vec<Place>,
}

impl Surroundings {
    /// How many neighbours there are of each sort.
    pub(super) fn sizes(&self) -> Sizes {
        Sizes::of(self.bank.len(), self.learnt.overlap)
    }

    /// Where `rows` lie, as the network takes them, row-major (n, d): left in `scratch`, one entry a row.
    pub(super) fn places(&self, rows: &[f32], scratch: &mut PlaceScratch) {
        let PlaceScratch { views, nearest, scores, others: kept, places } = scratch;
        views.clear();
        places.clear();
        self.learnt.views.append(rows, views);
        let columns = self.bank.n_features();
        let queries = MatRef::new(views, views.len() / columns, columns);
        let sizes = self.sizes();
        self.bank.nearest(queries, sizes.looked_up(), nearest, |_, near| {
            others(near, &sizes, kept);
            let near = &kept[..];
            let mut place = self.place(&Summary::of(near, &sizes));
            if let Some(order) = self.learnt.crowd {
                scores.clear();
                scores.extend(near[..sizes.region].iter().map(|n| self.scores[n.row as usize]));
                place.crowd = crowd(scores, order);
            }
            places.push(place);
        });
    }

    fn place(&self, of: &Summary) -> Place {
        let Learnt { first, few, far, .. } = &self.learnt;
        let some = &of.rows[..of.n_rows];
        let spacing = some.iter().map(|row| self.spacing[*row as usize]).sum::<f64>() / some.len() as f64;
        Place {
            nearest: ((of.first / first + NEAR) * (of.few / few + NEAR)).sqrt(),
            local: of.some / (spacing + LEAST_MEAN),
            remote: of.far / far,
            crowd: 0.0,
            first: of.rows[0],
            far: of.far_row,
        }
    }

    /// Each feature's part in the squared distance of row `r` of those looked up last to its nearest row, and to the one
    /// at d_K.
    pub(super) fn shares(&self, scratch: &PlaceScratch, r: usize) -> [Vec<f64>; 2] {
        let columns = self.bank.n_features();
        let views = &scratch.views[r * columns..][..columns];
        let place = &scratch.places[r];
        [place.first, place.far].map(|row| {
            let other = self.bank.row(row as usize);
            let squares = views.iter().zip(other).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
            let squares: Vec<f64> = squares.collect();
            squares.chunks_exact(self.learnt.views.per_feature()).map(|feature| feature.iter().sum()).collect()
        })
    }

    /// From stored numbers; `None` where they contradict each other. Rows are of `d` features.
    pub(super) fn from_stored(
        learnt: Learnt,
        rows: Vec<f32>,
        spacing: Vec<f64>,
        scores: Vec<f64>,
        d: usize,
    ) -> Option<Self> {
        let m = spacing.len();
        let positive = [learnt.first, learnt.few, learnt.far].iter().all(|v| v.is_finite() && *v >= LEAST_MEAN);
        let is_valid = positive
            && learnt.views.is_valid(d)
            && learnt.terms.iter().all(Location::is_valid)
            && learnt.crowd.is_none_or(|order| (0.0..=1.0).contains(&order))
            && m > 1
            && learnt.overlap < m
            && Some(rows.len()) == m.checked_mul(d)
            && scores.len() == m
            && rows.iter().all(|v| v.is_finite())
            && spacing.iter().all(|v| v.is_finite() && *v >= 0.0)
            && scores.iter().all(|v| v.is_finite());
        is_valid.then(|| {
            let bank = bank_of(&learnt.views, &rows);
            Surroundings { learnt, rows, spacing, scores, bank }
        })
    }
}

fn bank_of(views: &Views, rows: &[f32]) -> Bank {
    let mut seen = Vec::with_capacity(rows.len() * views.per_feature());
    views.append(rows, &mut seen);
    Bank::new(seen, views.width())
}

/// How many neighbours there are of each sort, among M rows, M at least 2.
pub(super) struct Sizes {
    pub(super) few: usize,
    pub(super) some: usize,
    pub(super) remote: usize,
    pub(super) region: usize,
    pub(super) overlap: usize,
    m: usize,
}

impl Sizes {
    fn of(m: usize, overlap: usize) -> Self {
        // Of few rows that overlap the one looked up some are left.
        let overlap = overlap.min((m - 1) / 4);
        let most = m - 1 - 2 * overlap;
        let twentieth = (REGION * m as f64).ceil() as usize;
        Sizes {
            few: FEW.min(most),
            some: SOME.min(most),
            remote: twentieth.max(SOME.min(m.div_ceil(4))).min(most),
            region: twentieth.max(FEWEST).min(most),
            overlap,
            m,
        }
    }

    /// Neighbours that are needed.
    fn needed(&self) -> usize {
        self.region.max(self.remote).max(self.some)
    }

    /// Those, and as many more as may be passed over.
    fn looked_up(&self) -> usize {
        (self.needed() + 1 + 2 * self.overlap).min(self.m)
    }
}

/// The neighbours of a row that are needed. One that equals it is passed over, with those that overlap that one.
fn others(near: &[Neighbour], sizes: &Sizes, out: &mut Vec<Neighbour>) {
    let own = near[0];
    let is_passed = |n: &&Neighbour| own.square == 0.0 && own.row.abs_diff(n.row) as usize <= sizes.overlap;
    out.clear();
    out.extend(near.iter().filter(|n| !is_passed(n)).take(sizes.needed()));
}

/// A number as the file keeps it, in 32 bits.
fn kept(v: f64) -> f64 {
    f64::from(v as f32)
}

fn root_mean(near: &[Neighbour]) -> f64 {
    (near.iter().map(|n| n.square).sum::<f64>() / near.len() as f64).sqrt()
}

/// The quantile of order `order` of `scores`, the lower of two; at least 0.
fn crowd(scores: &mut [f64], order: f64) -> f64 {
    let at = (order * (scores.len() - 1) as f64).floor() as usize;
    let (_, score, _) = scores.select_nth_unstable_by(at, f64::total_cmp);
    score.max(0.0)
}

/// Surroundings whose rows have no score yet, with what is known of those rows.
pub(super) struct Fitted {
    surroundings: Surroundings,
    /// The row's place, one entry a row, their crowd still 0.
    pub(super) places: Vec<Place>,
    /// The rows of each row's region, (M, region).
    regions: Vec<u32>,
}

/// The numbers of the training rows that are kept, ascending: all of `n`, or as many as there may be. Of windows, of which
/// each overlaps `overlap` others to either side, every so many-th; with how many of those kept overlap one.
pub(super) fn kept_rows(n: usize, overlap: usize, mut stream: Stream) -> (Vec<u32>, usize) {
    if overlap > 0 {
        let step = n.div_ceil(MOST_WINDOWS);
        return ((0..n as u32).step_by(step).collect(), overlap / step);
    }
    let mut rows: Vec<u32> = (0..n as u32).collect();
    if n > MOST {
        stream.shuffle(&mut rows);
        rows.truncate(MOST);
        rows.sort_unstable();
    }
    (rows, 0)
}

impl Fitted {
    /// Learns from `rows`, at least 2, as the network takes them; d kinds of features, and `overlap` rows to either side
    /// of each that overlap it.
    pub(super) fn of(
        rows: Vec<f32>,
        kinds: &[FeatureKind],
        overlap: usize,
        crowd: Option<f64>,
        threads: usize,
    ) -> Self {
        let views = Views::learn(&rows, kinds);
        let bank = bank_of(&views, &rows);
        let m = bank.len();
        let sizes = Sizes::of(m, overlap);
        let (summaries, regions) = all_near(&bank, &sizes, crowd.is_some(), threads);
        let mean = |of: fn(&Summary) -> f64| (summaries.iter().map(of).sum::<f64>() / m as f64).max(LEAST_MEAN);
        let nowhere = Location { median: 0.0, spread: 1.0 };
        let learnt = Learnt {
            first: mean(|s| s.first),
            few: mean(|s| s.few),
            far: mean(|s| s.far),
            views,
            terms: [nowhere; 3],
            crowd,
            overlap: sizes.overlap,
        };
        let spacing = summaries.iter().map(|s| kept(s.some)).collect();
        let mut surroundings = Surroundings { learnt, rows, spacing, scores: Vec::new(), bank };
        let places: Vec<Place> = summaries.iter().map(|summary| surroundings.place(summary)).collect();
        surroundings.learnt.terms = std::array::from_fn(|i| {
            Location::of(&mut places.iter().map(|place| place.logs()[i]).collect::<Vec<f64>>())
        });
        Fitted { surroundings, places, regions }
    }

    /// The rows it was learnt from.
    pub(super) fn rows(&self) -> &[f32] {
        &self.surroundings.rows
    }

    /// What was learnt.
    pub(super) fn learnt(&self) -> &Learnt {
        &self.surroundings.learnt
    }

    /// Takes the rows' combined scores, and gives them back without their crowds.
    pub(super) fn finish(mut self, scores: &[f64]) -> (Surroundings, Vec<f64>) {
        self.surroundings.scores = scores.iter().copied().map(kept).collect();
        let of_rows = &self.surroundings.scores;
        let without: Vec<f64> = match self.surroundings.learnt.crowd {
            None => scores.to_vec(),
            Some(order) => {
                let regions = self.regions.chunks_exact(self.regions.len() / scores.len());
                let mut some = Vec::new();
                let of = |(region, score): (&[u32], &f64)| {
                    some.clear();
                    some.extend(region.iter().map(|r| of_rows[*r as usize]));
                    score - crowd(&mut some, order)
                };
                regions.zip(scores).map(of).collect()
            }
        };
        (self.surroundings, without)
    }
}

/// What the neighbours of every row of the bank but itself come to, and the rows of its region where those are wanted.
fn all_near(bank: &Bank, sizes: &Sizes, wants_regions: bool, threads: usize) -> (Vec<Summary>, Vec<u32>) {
    let (m, columns) = (bank.len(), bank.n_features());
    let region = if wants_regions { sizes.region } else { 0 };
    let (mut summaries, mut regions) = (vec![Summary::NONE; m], vec![0; m * region]);
    let pieces: Vec<&mut [u32]> = match wants_regions {
        true => regions.chunks_mut(CHUNK * region).collect(),
        false => (0..m.div_ceil(CHUNK)).map(|_| Default::default()).collect(),
    };
    let jobs = bank.rows().chunks(CHUNK * columns).zip(summaries.chunks_mut(CHUNK)).zip(pieces);
    for_each(jobs, threads, || {
        let (mut scratch, mut near) = (NearestScratch::default(), Vec::new());
        move |((rows, summaries), regions): ((&[f32], &mut [Summary]), &mut [u32])| {
            let queries = MatRef::new(rows, rows.len() / columns, columns);
            bank.nearest(queries, sizes.looked_up(), &mut scratch, |r, found| {
                others(found, sizes, &mut near);
                summaries[r] = Summary::of(&near, sizes);
                let places = regions.iter_mut().skip(r * region).take(region);
                places.zip(&near).for_each(|(place, n)| *place = n.row);
            });
        }
    });
    (summaries, regions)
}
