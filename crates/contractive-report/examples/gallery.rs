//! What do the figures look like? Writes one of each into a folder: `cargo run --example gallery -- FOLDER`.

use std::error::Error;
use std::f32::consts::TAU;
use std::path::PathBuf;

use contractive_core::patches::PictureShape;
use contractive_report::{
    LossHistory, filter_grid, loss_curve_png, loss_curve_svg, profile_grid, reconstruction_grid, weight_heatmap,
};

/// Ripples of a direction and a width that depend on `index`, in a window.
fn ripples(index: usize, amplitude: f32) -> impl Iterator<Item = f32> {
    let (turn, reach) = (index as f32 * 0.7, 3.0 + (index % 4) as f32);
    (0..28 * 28).map(move |pixel| {
        let (x, y) = ((pixel % 28) as f32 - 14.0, (pixel / 28) as f32 - 14.0);
        let along = x * turn.cos() + y * turn.sin();
        amplitude * (along * TAU / (2.0 * reach)).cos() * (-(x * x + y * y) / (2.0 * reach * reach)).exp()
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give a folder to write into")?);
    std::fs::create_dir_all(&folder)?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes);

    let weights: Vec<f32> = (0..64).flat_map(|unit| ripples(unit, 0.3)).collect();
    let images: Vec<f32> = (0..10).flat_map(|image| ripples(image, 1.0)).collect();
    let faded: Vec<f32> = images.iter().map(|value| value * 0.8).collect();
    write("reconstructions.png", &reconstruction_grid(&images, &faded, 10, PictureShape::grey(28, 28), 4)?)?;
    write("filters.png", &filter_grid(&weights, PictureShape::grey(28, 28), 64, 3)?)?;
    let names: Vec<String> = (1..=30).map(|feature| format!("feature {feature}")).collect();
    write("weights.png", &weight_heatmap(&weights[..16 * 30], 16, 30, "first-layer unit", Some(&names))?)?;
    write("profiles.png", &profile_grid(&images[..160], &faded[..160], 4, 40, None)?)?;

    let epoch: Vec<f64> = (1..=20).map(f64::from).collect();
    let total: Vec<f64> = epoch.iter().map(|epoch| 14.6 + 30.0 / epoch).collect();
    let history = LossHistory {
        validation_total: Some(total.iter().map(|total| total * 1.03).collect()),
        train_reconstruction: Some(total.iter().map(|total| total - 0.7).collect()),
        train_penalty: Some(epoch.iter().map(|epoch| 1.3 + 90.0 / (epoch * epoch)).collect()),
        train_total: total,
        epoch,
        loss_name: "loss per row (sse)".to_owned(),
        penalty_name: "mean ‖J‖²".to_owned(),
    };
    write("loss.png", &loss_curve_png(&history, 1600, 1200)?)?;
    write("loss.svg", loss_curve_svg(&history, 1600, 1200)?.as_bytes())?;
    Ok(())
}
