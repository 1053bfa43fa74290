//! How do I use a model on numbers that my program has? Codes, reconstructions and ‖J‖ of a slice, without a data set.

use std::error::Error;

use contractive::data::Dataset;
use contractive::{TrainConfig, Trainer};

/// Runs the example; public so that a test can.
pub fn main() -> Result<(), Box<dyn Error>> {
    let values: Vec<f32> = (0..2000).map(|i| 20.0 + 5.0 * ((i / 4) as f32 * 0.07 + (i % 4) as f32).cos()).collect();
    let data = Dataset::from_f32("sensors", 4, values)?;
    let config = TrainConfig::from_toml("example", "model.hidden = [8, 2]\ntraining.epochs = 30")?;
    let model = Trainer::new(config).fit(&data)?.model;

    // A session keeps the engine between calls. Rows are in the units of the training data.
    let mut session = model.session(1)?;
    let rows = [20.0_f32, 24.5, 21.0, 16.2, 25.0, 22.7, 17.9, 15.1];
    let codes = session.encode((&rows[..], [2, 4]))?;
    let restored = session.reconstruct((&rows[..], [2, 4]))?;
    let norms = session.jacobian_norms((&rows[..], [2, 4]))?;
    for (r, row) in rows.chunks_exact(4).enumerate() {
        println!("{row:?}");
        println!("  code {:.3?}, ‖J‖ {:.3}", &codes[2 * r..2 * r + 2], norms[r]);
        println!("  restored {:.2?}", &restored[4 * r..4 * r + 4]);
    }
    Ok(())
}
