//! What does the penalty do? The same network with growing contraction: the code moves less with noise in its input,
//! while the rows are restored almost as well, until the penalty is all that counts.

use std::error::Error;

use contractive::data::Dataset;
use contractive::{TrainConfig, Trainer, evaluate};

const ROWS: usize = 500;
const FEATURES: usize = 10;

/// Rows on a closed curve, with a little noise that repeats.
fn curve(shift: f32) -> Vec<f32> {
    let noise = |i: usize| ((i * 7919 % 1013) as f32 / 1013.0 - 0.5) * shift;
    let at = |i: usize| ((i / FEATURES) as f32 * 0.013 * (1 + i % FEATURES / 4) as f32 + (i % FEATURES) as f32).sin();
    (0..ROWS * FEATURES).map(|i| at(i) + noise(i)).collect()
}

/// Runs the example; public so that a test can.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (clean, noisy) = (curve(0.0), curve(0.3));
    let data = Dataset::from_f32("closed curve", FEATURES, clean.clone())?;
    println!("contraction  mean squared error  mean ‖J‖²  code's move by noise");
    let mut moves = Vec::new();
    for contraction in [0.0, 0.001, 0.01, 0.1, 1.0] {
        let text = format!(
            "model = {{ hidden = [32, 4], tied = true }}\nobjective.contraction = {contraction}\n\
             training = {{ epochs = 60, batch_size = 50 }}"
        );
        let model = Trainer::new(TrainConfig::from_toml("example", &text)?).fit(&data)?.model;
        let numbers = evaluate(&model, &data, 1)?;
        let mut session = model.session(1)?;
        let codes = session.encode((&clean, [ROWS, FEATURES]))?;
        let moved = session.encode((&noisy, [ROWS, FEATURES]))?;
        let square = codes.iter().zip(&moved).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / ROWS as f64;
        println!("{contraction:>11}  {:>18.4}  {:>9.4}  {:>20.4}", numbers.mse, numbers.penalty, square.sqrt());
        moves.push(square.sqrt());
    }
    assert!(moves[4] < moves[0], "a contracted code moves less");
    Ok(())
}
