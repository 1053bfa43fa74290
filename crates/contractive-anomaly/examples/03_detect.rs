//! Which rows are unlike the others? A detector learns a table without labels, and says which columns are at fault.

use std::error::Error;

use contractive::data::Dataset;
use contractive_anomaly::detector::{Detector, DetectorSettings, ScoreOptions};

/// Runs the example; public so that a test can.
pub fn main() -> Result<(), Box<dyn Error>> {
    // Temperature, pressure and flow go together, but for row 250: each value is ordinary, the three are not.
    let mut values: Vec<f32> = Vec::new();
    for row in 0..400 {
        let load = (row as f32 * 0.21).sin();
        values.extend([60.0 + 10.0 * load, 3.0 + 0.4 * load, 120.0 - 25.0 * load]);
    }
    values[3 * 250 + 1] = 6.0 - values[3 * 250 + 1];
    let names = ["temperature", "pressure", "flow"].map(str::to_owned).to_vec();
    let data = Dataset::from_f32("pump", 3, values)?.with_feature_names(names.clone())?;

    let settings = DetectorSettings { ensemble: 4, ..DetectorSettings::default() };
    let detector = Detector::train(&data, &settings)?;
    let scores = detector.score(&data, &ScoreOptions { contributions: true, threads: 1 })?;
    let worst = (0..scores.len()).max_by(|a, b| scores.score[*a].total_cmp(&scores.score[*b])).ok_or("no rows")?;
    let parts = scores.contributions_of(worst).ok_or("contributions were asked for")?;
    println!("row {worst}: score {:.2}, probability {:.3}", scores.score[worst], scores.probability[worst]);
    names.iter().zip(parts).for_each(|(name, part)| println!("  {name}: {part:.2}"));
    assert_eq!(worst, 250);
    Ok(())
}
