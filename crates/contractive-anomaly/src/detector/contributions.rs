//! Each feature's part in a row's score. Parts add up to the score.
//!
//! A value that is a sum over features is split as its definition has it: errors, and the squared distance to another row.
//! The others are split by how much each feature moves them: density and neighbour along their gradients,
//! |x_j · ∂v/∂x_j|, and ‖J‖ by how far each feature drives first-layer units whose slope has fallen. A term below 0 says
//! that the row as a whole is ordinary, and is split evenly. What a region takes off the score is taken off the parts that
//! raise it. Features that are missing have no part.
#![allow(non_snake_case)] // J as in the formulas

use super::calibration::Calibration;
use super::location::Unit;
use super::scores::{Directions, Raw, ScoreKind, is_missing, n_present};
use super::surroundings::{PlaceScratch, Surroundings};
use super::weights::{MEMBER_TERMS, Weights};
use contractive_core::row_network::{RowNetwork, RowOutput};

/// Whether the parts of a score of kind `kind` are read off J.
pub(super) fn need_jacobian(kind: ScoreKind, weights: &Weights) -> bool {
    let [_, density, neighbour, _] = weights.of_members();
    match kind {
        ScoreKind::Combined => density > 0.0 || neighbour > 0.0,
        _ => matches!(kind, ScoreKind::Density | ScoreKind::Neighbour),
    }
}

/// The parts of a row's features, to be added to.
pub(super) struct Parts<'a> {
    /// Features that are missing, empty where none is.
    pub(super) missing: &'a [bool],
    /// d numbers.
    pub(super) out: &'a mut [f64],
}

impl Parts<'_> {
    /// Adds `value`, split by `shares`, d numbers at least 0.
    fn add(&mut self, value: f64, mut shares: Vec<f64>) {
        for (share, _) in shares.iter_mut().zip(self.missing).filter(|(_, missing)| **missing) {
            *share = 0.0;
        }
        let sum: f64 = shares.iter().sum();
        let is_even = value < 0.0 || !(sum > 0.0 && sum.is_finite());
        let present = n_present(self.missing, shares.len());
        for (j, (out, share)) in self.out.iter_mut().zip(&shares).enumerate() {
            if !is_missing(self.missing, j) {
                *out += value * if is_even { 1.0 / present as f64 } else { share / sum };
            }
        }
    }

    /// A member's part in a score of kind `kind` of the row `x`, times `weight`.
    pub(super) fn add_member(
        &mut self,
        kind: ScoreKind,
        x: &[f64],
        output: &RowOutput,
        raw: &Raw,
        (network, calibration): (&RowNetwork, &Calibration),
        (weights, unit): (&Weights, Unit),
        directions: &Directions,
        weight: f64,
    ) {
        let d = x.len();
        let squares = |sd: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..d).map(|j| ((output.reconstruction[j] - x[j]) / sd(j)).powi(2)).collect()
        };
        let plain = || squares(&|_| 1.0);
        let scaled = || squares(&|j| calibration.feature_error[j]);
        let along = |gradient: &[f64]| -> Vec<f64> {
            let mut pull = vec![0.0; d];
            for (g, row) in gradient.iter().zip(output.J.chunks_exact(d)) {
                pull.iter_mut().zip(row).for_each(|(p, j)| *p += g * j);
            }
            pull.iter().zip(x).map(|(p, x)| (p * x).abs()).collect()
        };
        let drive = || network.drive(x, output);
        let mut add = |value: f64, shares: Vec<f64>| self.add(weight * value, shares);
        match kind {
            ScoreKind::Combined => {
                let shares: [&dyn Fn() -> Vec<f64>; MEMBER_TERMS] =
                    [&scaled, &|| along(&directions.density), &|| along(&directions.neighbour), &drive];
                let terms = raw.terms(calibration, unit).into_iter().zip(weights.of_members());
                // Shares are the work: none for a term that does not count.
                for ((term, weight), shares) in terms.zip(shares).filter(|((_, weight), _)| *weight > 0.0) {
                    add(weight * term, shares());
                }
            }
            ScoreKind::Error => add(raw.error, plain()),
            ScoreKind::ScaledError => add(raw.scaled, scaled()),
            ScoreKind::Density => add(raw.density, along(&directions.density)),
            ScoreKind::Neighbour => add(raw.neighbour, along(&directions.neighbour)),
            ScoreKind::ReconstructionNorm => add((raw.error * d as f64).sqrt(), plain()),
            ScoreKind::Jacobian => add(raw.jacobian, drive()),
            ScoreKind::Nearest | ScoreKind::Local | ScoreKind::Remote => {}
        }
    }

    /// The part of the surroundings in a score of kind `kind` of row `r` of those looked up last.
    pub(super) fn add_table(
        &mut self,
        kind: ScoreKind,
        surroundings: &Surroundings,
        scratch: &PlaceScratch,
        r: usize,
        weights: &Weights,
    ) {
        if !matches!(kind, ScoreKind::Combined | ScoreKind::Nearest | ScoreKind::Local | ScoreKind::Remote) {
            return;
        }
        let place = &scratch.places[r];
        let [nearest, remote] = surroundings.shares(scratch, r);
        match kind {
            ScoreKind::Combined => {
                let (terms, weights) = (place.terms(&surroundings.learnt), weights.of_table());
                self.add(weights[0] * terms[0], nearest.clone());
                self.add(weights[1] * terms[1], nearest);
                self.add(weights[2] * terms[2], remote);
                self.take_off(place.crowd);
            }
            ScoreKind::Nearest => self.add(place.nearest, nearest),
            ScoreKind::Local => self.add(place.local, nearest),
            ScoreKind::Remote => self.add(place.remote, remote),
            _ => {}
        }
    }

    /// Takes `crowd`, at least 0, off the parts above 0, by their size.
    fn take_off(&mut self, crowd: f64) {
        let raising = self.out.iter().map(|part| part.max(0.0)).collect();
        let mut taken = vec![0.0; self.out.len()];
        // Split as what would be added, so that no part of a missing feature appears.
        Parts { missing: self.missing, out: &mut taken }.add(crowd, raising);
        self.out.iter_mut().zip(&taken).for_each(|(part, taken)| *part -= taken);
    }
}
