//! How do I train one? Rows on a curve in six dimensions, a code of two numbers, saved, loaded and used.

use std::error::Error;

use contractive::data::Dataset;
use contractive::{Model, TrainConfig, Trainer};

/// Runs the example; public so that a test can.
pub fn main() -> Result<(), Box<dyn Error>> {
    let values: Vec<f32> = (0..3000).map(|i| ((i / 6) as f32 * 0.05 + (i % 6) as f32).sin()).collect();
    let data = Dataset::from_f32("a curve", 6, values)?;

    let config = TrainConfig::from_toml(
        "example",
        "model.hidden = [16, 2]\nobjective.contraction = 1e-3\ntraining.epochs = 20",
    )?;
    let outcome = Trainer::new(config).fit(&data)?;
    let last = outcome.history.last().ok_or("no epoch was trained")?;
    println!("validation: {:.4} a row, mean ‖J‖ {:.3}", last.watched(), last.jacobian_norm);

    let folder = tempfile::tempdir()?;
    outcome.model.save(folder.path().join("model"))?;
    let model = Model::load(folder.path().join("model"))?;
    let codes = model.encode(&data, 1)?;
    println!("the code of row 0: {:.3} {:.3}", codes[0], codes[1]);
    Ok(())
}
