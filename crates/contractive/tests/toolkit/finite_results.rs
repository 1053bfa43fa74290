//! Fault 11 of the first attack: a cell or weights near 3e38 gave NaN, inf and null for results. What is finite is told, what is
//! not names its row.

use contractive::data::Dataset;
use contractive::model::ModelError;
use contractive::preprocess::Preprocessing;
use contractive::{Model, evaluate, evaluate_rows};
use contractive_core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};

fn model(weight: f32) -> Model {
    let phi = Activation::Identity;
    let net = Architecture::mirrored(2, &[2], phi, phi, phi, false);
    let mut parameters = Parameters::zeros(&net).unwrap();
    for name in ["encoder.0.weight", "decoder.0.weight"] {
        parameters.tensor_mut(name).unwrap().copy_from_slice(&[weight, 0.1, -0.1, weight]);
    }
    Model::new(parameters, Objective::new(Loss::Mse, Penalty::Jacobian, 0.5), Preprocessing::identity(2)).unwrap()
}

/// 600 rows, more than a batch, of which row 520 has the cells given.
fn rows(cells: [f32; 2]) -> Dataset {
    let mut values: Vec<f32> = (0..1200).map(|i| (i as f32 * 0.3).sin()).collect();
    values[1040..1042].copy_from_slice(&cells);
    Dataset::from_f32("rows", 2, values).unwrap()
}

fn row_of(error: ModelError) -> (usize, String) {
    let ModelError::NotFinite { row, what, .. } = error else { panic!("{error}") };
    (row, what)
}

/// Squares of 3e38 are not numbers of 32 bits, and the mean of a loss is one of 64.
#[test]
fn a_cell_of_3e38_is_judged() {
    let (model, data) = (model(0.5), rows([3e38, -1.0]));
    let judged = evaluate(&model, &data, 2).unwrap();
    // x̂ = W² x with W = ((0.5, 0.1), (−0.1, 0.5)): row 520 alone counts.
    let x = f64::from(3e38_f32);
    let want = x * x * (0.76_f64.powi(2) + 0.1_f64.powi(2)) / 600.0;
    assert!((judged.sse - want).abs() < 1e-5 * want, "{} {want}", judged.sse);
    assert!((judged.total - (judged.mse + 0.5 * judged.penalty)).abs() <= 1e-12 * judged.total);
    let mut sum = 0.0;
    evaluate_rows::<ModelError>(&model, &data, 1, |rows| {
        sum += rows.losses.iter().sum::<f64>();
        Ok(())
    })
    .unwrap();
    assert!((sum / 600.0 - judged.mse).abs() <= 1e-12 * judged.mse);
    assert!(model.encode(&data, 1).unwrap().iter().all(|code| code.is_finite()));
}

#[test]
fn what_a_row_makes_that_is_not_finite_names_the_row() {
    let (model, data) = (model(2.0), rows([3e38, -3e38]));
    assert_eq!(row_of(evaluate(&model, &data, 1).unwrap_err()), (520, "the loss `mse`".into()));
    let rows_of = evaluate_rows::<ModelError>(&model, &data, 1, |judged| {
        assert!(judged.rows.end <= 520, "no batch with the row may be handed on");
        Ok(())
    });
    assert_eq!(row_of(rows_of.unwrap_err()), (520, "the loss `mse`".into()));
    assert_eq!(row_of(model.encode(&data, 1).unwrap_err()), (520, "code unit 0".into()));
    assert_eq!(row_of(model.reconstruct(&data, 1).unwrap_err()), (520, "code unit 0".into()));
    let error = model.encode(&data, 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "rows row 520 (from 0): code unit 0 must be finite, got inf; the row or the model's weights are too large for 32 bits"
    );
}

#[test]
fn weights_of_3e38_are_told_of_at_the_first_row() {
    let (model, data) = (model(3e38), rows([0.1, 0.2]));
    assert_eq!(row_of(model.jacobian_norms(&data, 2).unwrap_err()), (0, "‖J‖² of the encoder".into()));
    assert_eq!(row_of(model.reconstruct(&data, 2).unwrap_err()).1, "restored column 1");
    assert_eq!(row_of(evaluate(&model, &data, 2).unwrap_err()).0, 0);
}
