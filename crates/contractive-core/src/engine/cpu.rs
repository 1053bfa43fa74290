//! The CPU engine.
use super::*;
use crate::{objective::Objective, optimiser::Optimiser};

/// The CPU engine (being written: every call panics).
pub struct CpuEngine {
    architecture: Architecture,
}
impl CpuEngine {
    /// An engine with a copy of `parameters`. `clip` is the largest gradient norm, `threads` at least 1.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        parameters: &Parameters,
        objective: &Objective,
        optimiser: Optimiser,
        clip: Option<f64>,
        threads: usize,
    ) -> Result<Self, ArgumentError> {
        objective.check(parameters.architecture())?;
        optimiser.check()?;
        let _ = (clip, threads);
        Ok(CpuEngine { architecture: parameters.architecture().clone() })
    }
}
impl Engine for CpuEngine {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }
    fn load(&mut self, _: &Parameters) -> Result<(), ArgumentError> {
        todo!()
    }
    fn parameters(&self) -> Parameters {
        todo!()
    }
    fn encode(&mut self, _: MatRef<'_>, _: &mut [f32]) -> Result<(), ArgumentError> {
        todo!()
    }
    fn decode(&mut self, _: MatRef<'_>, _: &mut [f32]) -> Result<(), ArgumentError> {
        todo!()
    }
    fn objective(&mut self, _: &Batch<'_>) -> Result<Terms, ArgumentError> {
        todo!()
    }
    fn objective_and_gradient(&mut self, _: &Batch<'_>) -> Result<Terms, ArgumentError> {
        todo!()
    }
    fn jacobian_squares(&mut self, _: MatRef<'_>, _: &mut [f64]) -> Result<(), ArgumentError> {
        todo!()
    }
    fn read_gradient(&self, _: &mut [f32]) -> Result<(), ArgumentError> {
        todo!()
    }
    fn write_gradient(&mut self, _: &[f32]) -> Result<(), ArgumentError> {
        todo!()
    }
    fn update(&mut self, _: f64) {
        todo!()
    }
    fn optimiser_state(&self) -> OptimiserState {
        todo!()
    }
    fn load_optimiser(&mut self, _: &OptimiserState) -> Result<(), ArgumentError> {
        todo!()
    }
}
