//! How the step of a finite difference decides what it is worth: f32 beside f64, from 1e-6 to 1e-1.
//!
//! ```text
//! cargo run --release -p contractive-datasets --example difference_step -- MODEL [DATA [DATA_DIR]]
//! ```
//!
//! MODEL is a model or run directory. The first rows of DATA (default `strokes:test`) give Σ_i ‖(f(x+εe_i) − f(x−εe_i))/2ε‖²
//! with the encoder run in f32, as frameworks do, and in f64, as the penalty `finite_difference` does. Both stand beside
//! the exact ‖J‖²_F, as relative errors of the mean over the rows.

use std::error::Error;
use std::path::Path;

use contractive::data::FileOptions;
use contractive::model::Model;
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::reference::Network;
use contractive_core::reference::network::forward;
use contractive_datasets::{DataSpec, LoadOptions, Part, Source, load};

const ROWS: usize = 20;
const STEPS: [f64; 6] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let model = Model::load(Path::new(&words.next().ok_or("name a model directory")?))?;
    let spec: DataSpec = words.next().unwrap_or_else(|| "strokes:test".into()).parse()?;
    let options = LoadOptions {
        source: Source { data_dir: words.next().map(Into::into), offline: false },
        file: FileOptions { rows: Some(ROWS), ..FileOptions::default() },
        ..LoadOptions::default()
    };
    let data = load(&spec, Part::Test, &options)?;
    let (d, k) = (model.architecture().input_size(), model.architecture().code_size());

    let mut rows = data.take(ROWS).to_vec();
    model.preprocessing().apply(&mut rows);
    let n = rows.len() / d;
    let mut engine = model.engine_for(model.objective(), 1)?;
    let mut squares = vec![0.0; n];
    engine.jacobian_squares(MatRef::new(&rows, n, d), &mut squares)?;
    let exact = squares.iter().sum::<f64>() / n as f64;
    println!("mean ‖J‖²_F of {n} rows of {}, exact: {exact:.6}\n", spec);
    println!("| step ε | encoder in f32 | relative error | encoder in f64 | relative error |\n|---|---|---|---|---|");

    let network = Network::from(model.parameters());
    for epsilon in STEPS {
        let (mut narrow, mut wide) = (0.0, 0.0);
        for x in rows.chunks_exact(d) {
            let mut shifted = x.repeat(2 * d);
            for i in 0..d {
                shifted[i * d + i] += epsilon as f32;
                shifted[(d + i) * d + i] -= epsilon as f32;
            }
            let mut codes = vec![0.0_f32; 2 * d * k];
            engine.encode(MatRef::new(&shifted, 2 * d, d), &mut codes)?;
            let (plus, minus) = codes.split_at(d * k);
            let slope = |(p, m): (&f32, &f32)| f64::from((p - m) / (2.0 * epsilon as f32));
            narrow += plus.iter().zip(minus).map(|pair| slope(pair).powi(2)).sum::<f64>();

            let mut x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            for i in 0..d {
                let middle = x[i];
                let mut code = |value: f64| {
                    x[i] = value;
                    forward(network.encoder(), &x).output().to_vec()
                };
                let (plus, minus) = (code(middle + epsilon), code(middle - epsilon));
                x[i] = middle;
                wide += plus.iter().zip(&minus).map(|(p, m)| ((p - m) / (2.0 * epsilon)).powi(2)).sum::<f64>();
            }
        }
        let (narrow, wide) = (narrow / n as f64, wide / n as f64);
        let error = |value: f64| (value / exact - 1.0).abs();
        println!("| {epsilon:.0e} | {narrow:.6} | {:.1e} | {wide:.6} | {:.1e} |", error(narrow), error(wide));
    }
    Ok(())
}
