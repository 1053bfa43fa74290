//! A detector made ready to score rows, one after the other.

use super::calibration::Calibration;
use super::contributions::{self, Parts};
use super::location::Unit;
use super::planes::{Planes, PlanesScratch};
use super::scores::{self, Directions, KINDS, MEMBER_KINDS, Raw, ScoreKind, add_weighted, member_weight};
use super::surroundings::{PlaceScratch, Surroundings};
use super::weights::Weights;
use contractive_core::row_network::{RowNetwork, RowOutput};

/// Members ready for rows.
pub(super) struct Scorer<'a> {
    pub(super) members: Vec<(RowNetwork, &'a Calibration)>,
    pub(super) surroundings: Option<&'a Surroundings>,
    pub(super) planes: Option<&'a Planes>,
    pub(super) weights: Weights,
    pub(super) kind: ScoreKind,
}

/// What a thread writes over.
#[derive(Default)]
pub(super) struct Buffers {
    x: Vec<f64>,
    output: RowOutput,
    directions: Directions,
    places: PlaceScratch,
    /// Of the row last scored.
    pub(super) planes: PlanesScratch,
}

impl Scorer<'_> {
    /// Whether the score has parts of planes.
    pub(super) fn tells_planes(&self) -> bool {
        self.planes.is_some() && self.kind == ScoreKind::Combined
    }

    /// Finds where the scaled rows lie; [`Scorer::row`] scores them one by one.
    pub(super) fn look_up(&self, rows: &[f32], buffers: &mut Buffers) {
        if let Some(surroundings) = self.surroundings {
            surroundings.places(rows, &mut buffers.places);
        }
    }

    /// All kinds of score of the scaled row `x`, the `r`th of those looked up: means over the members, and what its
    /// surroundings say. Its contributions are added to `part`.
    pub(super) fn row(
        &self,
        r: usize,
        x: &[f32],
        missing: &[bool],
        buffers: &mut Buffers,
        mut part: Option<Parts<'_>>,
    ) -> [f64; KINDS] {
        if !missing.is_empty() && missing.iter().all(|m| *m) {
            return [f64::NAN; KINDS];
        }
        let Buffers { x: wide, output, directions, places, planes } = buffers;
        wide.clear();
        wide.extend(x.iter().map(|v| f64::from(*v)));
        let weight = member_weight(self.members.len());
        let unit = self.surroundings.map_or(Unit::Deviations, |surroundings| surroundings.learnt.unit());
        let wants_jacobian = part.is_some() && contributions::need_jacobian(self.kind, &self.weights);
        let mut sums = [0.0; MEMBER_KINDS];
        for (network, calibration) in &self.members {
            network.apply(wide, wants_jacobian, output);
            let raw = Raw::of(wide, missing, output, calibration, directions);
            add_weighted(&mut sums, raw.kinds(calibration, &self.weights, unit, wide.len()), weight);
            if let Some(part) = &mut part {
                let member = (network, *calibration);
                part.add_member(self.kind, wide, output, &raw, member, (&self.weights, unit), directions, weight);
            }
        }
        let Some(surroundings) = self.surroundings else { return scores::without_table(sums) };
        if let Some(part) = &mut part {
            part.add_table(self.kind, surroundings, places, r, &self.weights);
        }
        let place = &places.places[r];
        let mut kinds = scores::with_table(sums, place, &surroundings.learnt, &self.weights);
        kinds[ScoreKind::Combined as usize] -= place.crowd;
        if let Some(of) = self.planes {
            kinds[ScoreKind::Combined as usize] += of.term(x, &self.weights, planes);
            if let (Some(part), ScoreKind::Combined) = (part, self.kind) {
                part.out.iter_mut().zip(&planes.parts.own).for_each(|(out, part)| *out += part);
            }
        }
        kinds
    }
}
