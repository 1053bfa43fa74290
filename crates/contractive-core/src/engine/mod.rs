//! Engines: what trains a network. The cut is the whole training step, not the tensor operation.
//!
//! An engine owns its copy of the parameters, the gradient and the optimiser's memory, wherever they live; between calls
//! nothing crosses the boundary but batches, sums and, when asked for, parameters. [`DataParallel`] sums the
//! gradients of several ranks between [`Engine::objective_and_gradient`] and [`Engine::update`] through
//! [`Engine::read_gradient`] and [`Engine::write_gradient`].

pub mod cpu;
mod data_parallel;

use crate::architecture::Architecture;
use crate::error::ArgumentError;
use crate::matrix::MatRef;
use crate::objective::{Batch, Terms};
use crate::optimiser::OptimiserState;
use crate::parameters::Parameters;

pub use cpu::{Clock, CpuEngine, PhaseSeconds};
pub use data_parallel::{DataParallel, SharedStop};

/// Something that trains an autoencoder.
///
/// All methods return [`ArgumentError::Size`] when a matrix does not fit the network.
pub trait Engine: Send {
    /// The network's shape.
    fn architecture(&self) -> &Architecture;

    /// Replaces the parameters. The optimiser's memory stays: reset it with [`Engine::load_optimiser`].
    ///
    /// # Errors
    /// When the parameters belong to another architecture.
    fn load(&mut self, parameters: &Parameters) -> Result<(), ArgumentError>;

    /// A copy of the parameters.
    fn parameters(&self) -> Parameters;

    /// How many parameters there are, those of tied weights once.
    fn n_parameters(&self) -> usize {
        self.parameters().len()
    }

    /// Codes of `rows` (N, d), written to `code`, N·k numbers.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn encode(&mut self, rows: MatRef<'_>, code: &mut [f32]) -> Result<(), ArgumentError>;

    /// Outputs for `code` (N, k), written to `output`, N·d numbers.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn decode(&mut self, code: MatRef<'_>, output: &mut [f32]) -> Result<(), ArgumentError>;

    /// The objective on a batch, without a gradient.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn objective(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError>;

    /// What [`Engine::objective`] takes the means of: L and P of each row, N numbers each. A penalty of the weights alone
    /// is the same for every row.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn row_terms(&mut self, batch: &Batch<'_>, losses: &mut [f64], penalties: &mut [f64]) -> Result<(), ArgumentError>;

    /// The objective on a batch; its gradient stays in the engine for [`Engine::update`].
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn objective_and_gradient(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError>;

    /// Exact ‖J‖²_F of each row's encoder Jacobian, N numbers, whatever the penalty trained with.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn jacobian_squares(&mut self, rows: MatRef<'_>, squares: &mut [f64]) -> Result<(), ArgumentError>;

    /// Copies the last gradient out, in the order of [`Parameters::values`].
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn read_gradient(&self, gradient: &mut [f32]) -> Result<(), ArgumentError>;

    /// Replaces the gradient that [`Engine::update`] will use.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    fn write_gradient(&mut self, gradient: &[f32]) -> Result<(), ArgumentError>;

    /// One step of the optimiser with this learning rate, along the last gradient. Whether the parameters and the
    /// optimiser's memory are all finite after it: else the training has diverged in this step.
    #[must_use = "parameters that are not finite are a divergence"]
    fn update(&mut self, learning_rate: f64) -> bool;

    /// The optimiser's memory, for a checkpoint.
    fn optimiser_state(&self) -> OptimiserState;

    /// Restores the optimiser's memory from a checkpoint.
    ///
    /// # Errors
    /// [`ArgumentError::Size`] when it belongs to another network or optimiser.
    fn load_optimiser(&mut self, state: &OptimiserState) -> Result<(), ArgumentError>;
}
