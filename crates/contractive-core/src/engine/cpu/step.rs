//! One pass over a batch as every lane and every block of the gradient reads it.

use pulp::Arch;

use super::record::Record;
use super::weights::DerivedWeights;
use crate::kernels::{PenaltyPlan, StepWeights};
use crate::objective::{Batch, Objective};
use crate::parameters::Parameters;

/// What a pass over a batch computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PassKind {
    /// The objective's value.
    Value,
    /// Its value and gradient.
    Gradient,
    /// ‖J‖² of each row; no decoder.
    Jacobian,
}

impl PassKind {
    /// Whether the decoder and the loss take part.
    pub fn decodes(self) -> bool {
        self != PassKind::Jacobian
    }

    /// Whether adjoints are wanted.
    pub fn wants_gradient(self) -> bool {
        self == PassKind::Gradient
    }
}

/// What every lane of a step reads.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub arch: Arch,
    pub kind: PassKind,
    pub plan: PenaltyPlan,
    pub objective: &'a Objective,
    pub parameters: &'a Parameters,
    pub derived: &'a DerivedWeights,
    pub weights: StepWeights<'a>,
    pub record: &'a Record,
    /// The whole batch.
    pub batch: &'a Batch<'a>,
    /// Inputs of each point, (N, d): the decoded one, then the clean one if that is another, then the corrupted ones.
    pub inputs: &'a [&'a [f32]],
    /// The point that the penalty is taken at; the corrupted ones follow it.
    pub clean: usize,
    /// ∂C/∂h of the sparsity term, one a code unit; empty without.
    pub sparsity: &'a [f32],
}

impl Step<'_> {
    /// Rows of the whole batch N.
    pub fn n(&self) -> usize {
        self.batch.rows.rows()
    }
}
