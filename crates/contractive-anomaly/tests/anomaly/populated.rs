//! An ordinary minority is not condemned: groups of rows that hold a fair share of the table are flagged no more than three
//! times as often as the rest, and what is odd is found beside them.

use contractive::data::Dataset;
use contractive_anomaly::Detector;
use contractive_anomaly::detector::{
    DetectorSettings, Purity, ScoreOptions, ThresholdRule, metrics::average_precision,
};
use contractive_core::random::{Purpose, Stream};

/// A table whose rows belong to groups; `None` for those that are odd.
struct Table {
    name: String,
    n_features: usize,
    values: Vec<f32>,
    group: Vec<Option<usize>>,
}

struct Random(Stream);

impl Random {
    fn new(seed: u64) -> Self {
        Random(Stream::new(seed, Purpose::Analysis, 0, 0))
    }

    fn normal(&mut self) -> f32 {
        let mut one = [0.0];
        self.0.fill_normal(&mut one);
        one[0]
    }

    fn uniform(&mut self) -> f32 {
        self.0.uniform() as f32
    }

    /// A Poisson number of mean `mean` (Knuth).
    fn count(&mut self, mean: f32) -> f32 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > limit {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

const ROWS: usize = 2000;
const ODD: usize = 20;

impl Table {
    /// Adds odd rows: a value of each column from another row, and one column pushed out.
    fn with_odd_rows(mut self, random: &mut Random) -> Self {
        let d = self.n_features;
        let column = |j: usize| self.values.iter().skip(j).step_by(d);
        let spread: Vec<f32> = (0..d)
            .map(|j| {
                let mean = column(j).sum::<f32>() / ROWS as f32;
                (column(j).map(|v| (v - mean).powi(2)).sum::<f32>() / ROWS as f32).sqrt()
            })
            .collect();
        let n = self.group.len();
        for i in 0..ODD {
            let mut row: Vec<f32> =
                (0..d).map(|j| self.values[(random.uniform() * n as f32) as usize % n * d + j]).collect();
            row[i % d] += 6.0 * spread[i % d];
            self.values.extend(row);
            self.group.push(None);
        }
        self
    }

    /// Two clusters, the second with `share` of the rows.
    fn clusters(share: f64, d: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let few = (share * ROWS as f64).round() as usize;
        let group: Vec<Option<usize>> = (0..ROWS).map(|r| Some(usize::from(r < few))).collect();
        let values = group
            .iter()
            .flat_map(|g| vec![*g == Some(1); d])
            .map(|is_far| random.normal() * if is_far { 0.8 } else { 1.0 } + if is_far { 5.0 } else { 0.0 });
        let values = values.collect();
        let name = format!("clusters of {share} in {d} dimensions");
        Table { name, n_features: d, values, group }.with_odd_rows(&mut random)
    }

    /// Numbers that go together, and a machine that does a share of the work at another speed, with counts and heavy tails.
    fn counts(share: f64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let few = (share * ROWS as f64).round() as usize;
        let group: Vec<Option<usize>> = (0..ROWS).map(|r| Some(usize::from(r < few))).collect();
        let mut values = Vec::new();
        for g in &group {
            let rate = if *g == Some(1) { 14.0 } else { 4.0 };
            let tail = random.normal() / random.normal().abs().max(0.2);
            values.extend([random.count(rate), random.count(3.0), tail, random.normal().exp()]);
        }
        Table { name: format!("counts, {share}"), n_features: 4, values, group }.with_odd_rows(&mut random)
    }

    /// Several clusters of different sizes and widths.
    fn mixture(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mut values, mut group) = (Vec::new(), Vec::new());
        for (g, share) in [0.5, 0.25, 0.13, 0.07, 0.05].into_iter().enumerate() {
            let centre: Vec<f32> = (0..5).map(|_| 5.0 * random.normal()).collect();
            for _ in 0..(share * ROWS as f64) as usize {
                values.extend(centre.iter().map(|c| c + 0.7 * random.normal()));
                group.push(Some(g));
            }
        }
        Table { name: "a mixture".into(), n_features: 5, values, group }.with_odd_rows(&mut random)
    }

    fn scores(&self, purity: Purity, share: f64) -> (Vec<f64>, Vec<bool>) {
        let data = Dataset::from_f32(self.name.clone(), self.n_features, self.values.clone()).unwrap();
        let threshold = ThresholdRule::Contamination { share };
        let settings = DetectorSettings { ensemble: 3, purity, threshold, ..DetectorSettings::default() };
        let scores = Detector::train(&data, &settings).unwrap().score(&data, &ScoreOptions::default()).unwrap();
        (scores.score, scores.label)
    }

    /// The share of each group's rows that is flagged, and that of all ordinary rows outside it.
    fn flagged(&self, label: &[bool]) -> Vec<(f64, f64, usize)> {
        let groups = 1 + self.group.iter().flatten().max().unwrap();
        let share = |which: &dyn Fn(&Option<usize>) -> bool| {
            let rows: Vec<usize> = (0..label.len()).filter(|r| which(&self.group[*r])).collect();
            (rows.iter().filter(|r| label[**r]).count() as f64 / rows.len() as f64, rows.len())
        };
        (0..groups)
            .map(|g| {
                let (own, n) = share(&|group| *group == Some(g));
                (own, share(&|group| group.is_some_and(|other| other != g)).0, n)
            })
            .collect()
    }
}

/// No group is flagged more than three times as often as the rest, beyond what chance allows at two standard deviations.
fn spared(table: &Table, purity: Purity) {
    for share in [0.02, 0.1] {
        let (score, label) = table.scores(purity, share);
        for (own, rest, n) in table.flagged(&label).into_iter().filter(|(_, _, n)| *n < ROWS / 2) {
            let chance = 2.0 * ((3.0 * rest).max(1.0 / n as f64) / n as f64).sqrt();
            assert!(
                own <= 3.0 * rest + chance,
                "{}, {purity:?}, {share}: {own:.3} of {n}, {rest:.3} of others",
                table.name
            );
        }
        let odd: Vec<bool> = table.group.iter().map(Option::is_none).collect();
        let found = average_precision(&score, &odd).unwrap();
        assert!(found > 0.25, "{}, {purity:?}: average precision {found:.3}", table.name);
    }
}

#[test]
fn a_minority_of_a_twentieth_or_more_is_ordinary() {
    for (d, seed) in [(2, 1), (4, 2), (10, 3)] {
        for share in [0.05, 0.1, 0.2] {
            spared(&Table::clusters(share, d, seed), Purity::Mixed);
        }
    }
    spared(&Table::counts(0.1, 4), Purity::Mixed);
    spared(&Table::mixture(5), Purity::Mixed);
}

#[test]
fn among_clean_rows_a_minority_of_a_fiftieth_is_ordinary() {
    for (d, seed) in [(2, 1), (4, 2), (10, 3)] {
        for share in [0.02, 0.03, 0.1] {
            spared(&Table::clusters(share, d, seed), Purity::Clean);
        }
    }
    spared(&Table::mixture(5), Purity::Clean);
}

#[test]
fn without_that_rule_it_is_condemned() {
    let table = Table::clusters(0.05, 4, 2);
    let (_, label) = table.scores(Purity::Contaminated, 0.05);
    let [_, (own, rest, _)] = table.flagged(&label)[..] else { panic!("two groups") };
    assert!(own > 0.5 && rest < 0.05, "{own} {rest}");
}
