//! What a detector has learnt, as bare numbers: all that its scores are computed of, for programs that compute them by other
//! means. The formulas are those of [`scores`](super::scores) and of the rooms beside it.

use super::location::{LARGEST_LOG as LARGEST_LOG_RATIO, Location, Unit};
use super::plane::{LARGEST as LARGEST_OF_PLANE, Plane};
use super::scores::TINY;
use super::surroundings::{LEAST_LOCAL, LEAST_MEAN, NEAR, Surroundings};
use super::views::{FARTHEST, Feature, LARGEST};
use super::weights::{MEMBER_TERMS, PLANE_TERMS, TABLE_TERMS};
use super::{Detector, Member, ScoreKind};
use contractive::model::Model;
use contractive::preprocess::Ranks;

/// Least value whose logarithm is taken.
pub const LEAST_VALUE: f64 = TINY;
/// The logarithm of the largest ratio that a term of windows takes.
pub const LARGEST_LOG: f64 = LARGEST_LOG_RATIO;
/// c of `nearest` and of the logarithm of `remote`.
pub const NEAR_DISTANCE: f64 = NEAR;
/// Least ratio of distances that `local` takes the logarithm of.
pub const LEAST_RATIO: f64 = LEAST_LOCAL;
/// What is added to the spacing that `local` divides by.
pub const LEAST_SPACING: f64 = LEAST_MEAN;
/// Views beyond are taken for this.
pub const FARTHEST_VIEW: f64 = FARTHEST;
/// Values on their own scale beyond are taken for this.
pub const LARGEST_VALUE: f64 = LARGEST;
/// The largest distance of a span from its plane.
pub const LARGEST_DISTANCE: f64 = LARGEST_OF_PLANE;

/// A detector's numbers.
#[derive(Debug, Clone)]
pub struct DetectorNumbers<'a> {
    /// The kind of score in force.
    pub score: ScoreKind,
    /// The threshold in force.
    pub threshold: f64,
    /// Scores of that kind of the rows held out, ascending: what probabilities are counted among.
    pub held_out: &'a [f64],
    /// Weights of the networks' terms, of the training rows' and of the planes.
    pub weights: ([f64; MEMBER_TERMS], [f64; TABLE_TERMS], [f64; PLANE_TERMS]),
    /// Whether terms are ratios, as of windows, and not deviations.
    pub are_ratios: bool,
    /// One a network.
    pub members: Vec<MemberNumbers<'a>>,
    /// Of the rows trained on; detectors of an earlier format have none.
    pub surroundings: Option<SurroundingsNumbers<'a>>,
    /// Of windows: the plane of thirds, and that of whole windows.
    pub planes: Option<[PlaneNumbers<'a>; PLANE_TERMS]>,
}

/// Where the logarithms of a term lie over the training rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermLocation {
    /// Their median.
    pub median: f64,
    /// Their robust spread, above 0.
    pub spread: f64,
}

impl From<Location> for TermLocation {
    fn from(of: Location) -> Self {
        TermLocation { median: of.median, spread: of.spread }
    }
}

/// A network, and what it learnt about its outputs.
#[derive(Debug, Clone)]
pub struct MemberNumbers<'a> {
    /// The network.
    pub model: &'a Model,
    /// Root mean square error of each feature, d numbers above 0.
    pub feature_error: &'a [f64],
    /// Centre of the codes, k numbers.
    pub centre: &'a [f64],
    /// Their inverse covariance, (k, k).
    pub precision: &'a [f64],
    /// Codes of training rows, (M, k).
    pub codes: &'a [f64],
    /// Which of the nearest of them gives the distance, from 1.
    pub neighbour: usize,
    /// Of the logarithms of scaled error, density and neighbour, and of −ln ‖J‖.
    pub terms: [TermLocation; MEMBER_TERMS],
}

/// How a feature is seen when rows are compared.
#[derive(Debug, Clone, Copy)]
pub enum FeatureViews<'a> {
    /// A number: its standard score, arsinh of its robust score, and its rank.
    Number {
        /// Whether the network takes the arsinh of the value, which is undone first.
        is_arsinh: bool,
        /// Mean on the value's own scale.
        mean: f64,
        /// Standard deviation there.
        deviation: f64,
        /// Median and spread there.
        middle: TermLocation,
        /// Ranks of the value as the network takes it.
        ranks: &'a Ranks,
    },
    /// A level of a category, three times as it is.
    Level,
    /// A number of a window: its standard score alone.
    Window {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
}

/// The rows trained on, and what was learnt of them.
#[derive(Debug, Clone)]
pub struct SurroundingsNumbers<'a> {
    /// One a feature.
    pub features: Vec<FeatureViews<'a>>,
    /// The views of the rows, (M, d · views of a feature), those of a feature beside each other.
    pub views: &'a [f32],
    /// q₂₀ of each row.
    pub spacing: &'a [f64],
    /// The combined score of each row, before its crowd is taken off.
    pub scores: &'a [f64],
    /// d̄₁, q̄₅ and d̄_K.
    pub means: [f64; 3],
    /// Of the logarithms of nearest, local and remote.
    pub terms: [TermLocation; TABLE_TERMS],
    /// The order of the quantile that is the crowd, where there is one.
    pub crowd: Option<f64>,
    /// Neighbours of q₅ and of q₂₀, K of d_K, and rows of a region.
    pub neighbours: [usize; 4],
    /// Rows to either side of one that overlap it.
    pub overlap: usize,
}

/// A plane of spans of windows.
#[derive(Debug, Clone, Copy)]
pub struct PlaneNumbers<'a> {
    /// Rows of a window, columns of a row, rows of a span.
    pub sizes: [usize; 3],
    /// Whether distances are squared, as of whole windows.
    pub is_squared: bool,
    /// The rows of a window that spans begin at.
    pub starts: &'a [usize],
    /// How many spans cover each row of a window.
    pub cover: &'a [f64],
    /// Mean of the spans and root mean square of their residuals, one number each.
    pub centre: &'a [f64],
    /// See [`PlaneNumbers::centre`].
    pub scale: &'a [f64],
    /// Directions, (k, numbers of a span); they are taken out one after the other.
    pub directions: &'a [f64],
    /// Median distance of the training spans.
    pub median: f64,
}

impl Detector {
    /// All that scores are computed of.
    pub fn numbers(&self) -> DetectorNumbers<'_> {
        let kind = self.settings.score;
        let unit = self.surroundings.as_ref().map_or(Unit::Deviations, |surroundings| surroundings.learnt.unit());
        DetectorNumbers {
            score: kind,
            threshold: self.threshold,
            held_out: self.reference.held_out(kind),
            weights: (self.weights.of_members(), self.weights.of_table(), self.weights.of_planes()),
            are_ratios: unit == Unit::Ratios,
            members: self.members.iter().map(of_member).collect(),
            surroundings: self.surroundings.as_ref().map(of_surroundings),
            planes: self.planes.as_ref().map(|planes| planes.0.each_ref().map(of_plane)),
        }
    }
}

fn of_member(member: &Member) -> MemberNumbers<'_> {
    let Member { model, calibration } = member;
    let terms = [calibration.error, calibration.density, calibration.neighbour, calibration.jacobian];
    MemberNumbers {
        model,
        feature_error: &calibration.feature_error,
        centre: &calibration.code.centre,
        precision: &calibration.code.precision,
        codes: &calibration.neighbours.codes,
        neighbour: calibration.neighbours.counted(model.architecture().code_size()),
        terms: terms.map(TermLocation::from),
    }
}

fn of_surroundings(of: &Surroundings) -> SurroundingsNumbers<'_> {
    let (learnt, sizes) = (&of.learnt, of.sizes());
    SurroundingsNumbers {
        features: learnt.views.0.iter().map(of_feature).collect(),
        views: of.bank.rows(),
        spacing: &of.spacing,
        scores: &of.scores,
        means: [learnt.first, learnt.few, learnt.far],
        terms: learnt.terms.map(TermLocation::from),
        crowd: learnt.crowd,
        neighbours: [sizes.few, sizes.some, sizes.remote, sizes.region],
        overlap: sizes.overlap,
    }
}

fn of_feature(feature: &Feature) -> FeatureViews<'_> {
    match feature {
        Feature::Level => FeatureViews::Level,
        Feature::Window { mean, deviation } => FeatureViews::Window { mean: *mean, deviation: *deviation },
        Feature::Number { is_arsinh, mean, deviation, middle, ranks } => FeatureViews::Number {
            is_arsinh: *is_arsinh,
            mean: *mean,
            deviation: *deviation,
            middle: (*middle).into(),
            ranks,
        },
    }
}

fn of_plane(plane: &Plane) -> PlaneNumbers<'_> {
    PlaneNumbers {
        sizes: [plane.spans.window, plane.spans.columns, plane.spans.rows],
        is_squared: plane.spans.are_whole,
        starts: &plane.starts,
        cover: &plane.cover,
        centre: &plane.centre,
        scale: &plane.scale,
        directions: &plane.directions,
        median: plane.median,
    }
}
