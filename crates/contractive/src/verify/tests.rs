//! Against the reference, central differences and hand calculations; what each mistake looks like.

use contractive_core::reference::jacobian::{jacobian, jacobian_backward};
use contractive_core::{Activation, Architecture};

use super::*;

const MIXED: [Activation; 3] = [Activation::Tanh, Activation::Silu, Activation::Sigmoid];

/// A network with numbers of about `size` that follow no pattern.
fn network(sizes: &[usize], activations: &[Activation], size: f32) -> Parameters {
    let mut net =
        Architecture::mirrored(sizes[0], &sizes[1..], Activation::Tanh, Activation::Tanh, Activation::Identity, false);
    net.encoder_activations = activations.to_vec();
    let mut parameters = Parameters::zeros(&net).unwrap();
    for (i, value) in parameters.values_mut().iter_mut().enumerate() {
        *value = size * (2.0 * (0.5 + i as f64 * 0.754_877_666_246_692_7).fract() as f32 - 1.0);
    }
    parameters
}

fn rows(n: usize, d: usize) -> Vec<f32> {
    (0..n * d).map(|i| (1.7 * i as f32 + 0.3 * (i * i % 11) as f32).sin()).collect()
}

fn told<'a>(found: &'a Verification, name: &str) -> &'a FormulaRecord {
    found.formulas.iter().find(|told| told.name == name).unwrap_or_else(|| panic!("no formula {name}"))
}

/// The gradient as one list.
fn flat(gradient: &[LayerGradient]) -> Vec<f64> {
    gradient.iter().flat_map(|layer| layer.dW.values().iter().chain(&layer.db).copied()).collect()
}

#[test]
fn the_exact_value_and_gradient_are_the_references() {
    let parameters = network(&[5, 7, 4, 3], &MIXED, 1.2);
    let network = Network::from(&parameters);
    let (x, share) = (rows(6, 5), 1.0 / 6.0);
    let (mut want, mut value) = (zeros(network.encoder()), 0.0);
    for x in x.chunks_exact(5) {
        let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        let at = jacobian(network.encoder(), &x);
        value += share * at.J().squared_norm();
        jacobian_backward(network.encoder(), &at, &at.J().scaled(2.0 * share), &mut want);
    }
    let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let at: Vec<AtRow<'_>> = wide.chunks_exact(5).map(|x| AtRow::new(network.encoder(), x)).collect();
    let got = Mean::of(EXACT, network.encoder(), &at);
    assert!((got.value - value).abs() < 1e-12 * value);
    let largest = flat(&want).iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    for (got, want) in flat(&got.gradient).iter().zip(flat(&want)) {
        assert!((got - want).abs() < 1e-12 * largest, "{got} {want}");
    }
    assert!((verify(&parameters, &x).unwrap().squared_norm - value).abs() < 1e-12 * value);
}

/// Of every formula whose gradient is that of its value.
#[test]
fn gradients_agree_with_central_differences() {
    let parameters = network(&[4, 5, 3], &[Activation::Gelu, Activation::Sigmoid], 1.1);
    let (sizes, x) = (parameters.architecture().clone(), rows(3, 4));
    let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let values: Vec<f64> = parameters.values().iter().map(|v| f64::from(*v)).collect();
    let mean = |quantity, values: &[f64]| {
        let network = Network::new(&sizes, values).unwrap();
        let at: Vec<AtRow<'_>> = wide.chunks_exact(4).map(|x| AtRow::new(network.encoder(), x)).collect();
        Mean::of(quantity, network.encoder(), &at)
    };
    let lost = ["weights_held", "slopes_held", "logistic_last_held", "floor_division"];
    for Formula { name, quantity, .. } in FORMULAS.iter().filter(|formula| !lost.contains(&formula.name)) {
        let gradient = flat(&mean(*quantity, &values).gradient);
        let largest = gradient.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        assert!(largest > 0.0, "{name}");
        for (i, got) in gradient.iter().enumerate() {
            let moved = |step: f64| {
                let mut values = values.clone();
                values[i] += step;
                mean(*quantity, &values).value
            };
            let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((got - want).abs() < 1e-8 * largest.max(1.0), "{name}, parameter {i}: {got} {want}");
        }
    }
}

#[test]
fn the_two_ways_add_up_to_the_gradient() {
    let parameters = network(&[4, 5, 3], &[Activation::Tanh, Activation::Sigmoid], 1.0);
    let network = Network::from(&parameters);
    let wide: Vec<f64> = rows(3, 4).iter().map(|v| f64::from(*v)).collect();
    let at: Vec<AtRow<'_>> = wide.chunks_exact(4).map(|x| AtRow::new(network.encoder(), x)).collect();
    let of = |name: &str| {
        let formula = FORMULAS.iter().find(|formula| formula.name == name).unwrap();
        flat(&Mean::of(formula.quantity, network.encoder(), &at).gradient)
    };
    for ((factors, slopes), both) in of("slopes_held").iter().zip(of("weights_held")).zip(of("right")) {
        assert!((factors + slopes - both).abs() < 1e-13, "{factors} + {slopes} is not {both}");
    }
    // Of the copied form, the weights of the last layer are moved by the slopes alone when they are held.
    let (held, free) = (of("logistic_last_held"), of("logistic_last"));
    assert!(held.iter().zip(&free).take(4 * 5 + 5).all(|(held, free)| held == free), "the layer below");
    assert!(held.iter().zip(&free).skip(4 * 5 + 5).take(5 * 3).any(|(held, free)| held != free), "the last layer");
}

/// One sigmoid unit, w = (3, 4), at 0: φ′ = ¼ and h = ½, so that every formula is a number.
#[test]
fn one_unit_by_hand() {
    let mut parameters = network(&[2, 1], &[Activation::Sigmoid], 0.0);
    parameters.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&[3.0, 4.0]);
    let found = verify(&parameters, &[0.0; 4]).unwrap();
    let exact = 25.0 / 16.0;
    assert_eq!((found.rows, found.squared_norm), (2, exact));
    for (name, value) in [
        ("half", exact / 2.0),
        ("batch_sum", 2.0 * exact),
        ("mean_over_inputs", exact / 2.0),
        ("mean_over_units", exact),
        ("mean_over_entries", exact / 2.0),
        ("unsquared", 1.25),
        ("last_layer", exact),
        ("logistic_last", exact),
        ("logistic_first", exact),
        ("logistic_chain", exact),
        ("weights_held", exact),
        ("slopes_held", exact),
        ("layerwise", exact),
        ("sum_gradient", exact),
        ("weight_product", 5.0),
        ("weight_squares", 25.0),
        ("sum_then_square", 49.0 / 16.0),
        ("code_squares", 0.25),
        ("floor_division", 1.0),
        ("right", exact),
    ] {
        assert!((told(&found, name).value.unwrap() - value).abs() < 1e-14, "{name}: {:?}", told(&found, name).value);
    }
    for (name, verdict) in [
        ("right", Verdict::Same),
        ("logistic_last", Verdict::Same),
        ("half", Verdict::Factor),
        ("unsquared", Verdict::Different),
        ("sum_then_square", Verdict::Different),
        ("floor_division", Verdict::Inert),
        // φ″(0) = 0: with W held there is no gradient left at all.
        ("weights_held", Verdict::Inert),
    ] {
        assert_eq!(told(&found, name).verdict, verdict, "{name}");
    }
}

#[test]
fn the_sum_gradient_is_nothing_of_mirrored_units() {
    let mut parameters = network(&[3, 4], &[Activation::Sigmoid], 1.0);
    let weights = parameters.tensor_mut("encoder.0.weight").unwrap();
    for pair in weights.chunks_exact_mut(6) {
        let (unit, mirrored) = pair.split_at_mut(3);
        mirrored.iter_mut().zip(unit).for_each(|(mirrored, w)| *mirrored = -*w);
    }
    parameters.tensor_mut("encoder.0.bias").unwrap().fill(0.0);
    let found = verify(&parameters, &rows(9, 3)).unwrap();
    let of_sum = told(&found, "sum_gradient");
    assert!(found.squared_norm > 0.05, "{}", found.squared_norm);
    assert_eq!((of_sum.value, of_sum.ratio, of_sum.verdict), (Some(0.0), Some(0.0), Verdict::Inert));
    assert_eq!(of_sum.cosine, None);
}

/// The audit's measurements (a) and (b), as laws rather than their draws.
#[test]
fn the_copied_form_is_wrong_for_relu_and_pushes_the_wrong_way_with_constant_weights() {
    // Of relu, h(1 − h) grows with h where φ′ is 1: 4 · (2 · (1 − 2))² against 4.
    let mut relu = network(&[1, 1], &[Activation::Relu], 0.0);
    relu.tensor_mut("encoder.0.weight").unwrap().fill(2.0);
    let found = verify(&relu, &[1.0]).unwrap();
    assert_eq!((found.squared_norm, told(&found, "logistic_last").value), (4.0, Some(16.0)));
    assert_eq!(told(&found, "weights_held").verdict, Verdict::Inert, "φ″ of relu is 0");
    assert_eq!(told(&found, "slopes_held").verdict, Verdict::Same);

    let sigmoid = network(&[6, 5], &[Activation::Sigmoid], 0.5);
    let found = verify(&sigmoid, &rows(32, 6)).unwrap();
    let held = told(&found, "weights_held");
    assert_eq!((held.ratio, held.verdict), (Some(1.0), Verdict::Different));
    assert!(held.cosine.unwrap() < 0.0, "the gradient that survives grows the weights: {:?}", held.cosine);
    assert_eq!(told(&found, "logistic_last").verdict, Verdict::Same, "one logistic layer is what the form is of");
}

#[test]
fn a_deep_encoder_tells_last_layer_layerwise_and_whole_apart() {
    let found = verify(&network(&[5, 6, 3], &[Activation::Sigmoid; 2], 2.0), &rows(8, 5)).unwrap();
    for name in ["last_layer", "logistic_last", "logistic_first", "layerwise", "sum_gradient", "weight_product"] {
        assert_eq!(told(&found, name).verdict, Verdict::Different, "{name}");
        assert!((told(&found, name).ratio.unwrap() - 1.0).abs() > 0.05, "{name}");
    }
    assert_eq!(told(&found, "logistic_chain").verdict, Verdict::Same);
    for (name, factor) in [("mean_over_inputs", 0.2), ("mean_over_units", 1.0 / 3.0), ("batch_sum", 8.0)] {
        let told = told(&found, name);
        assert_eq!(told.verdict, Verdict::Factor, "{name}");
        assert!((told.gradient_ratio.unwrap() - factor).abs() < 1e-12, "{name}");
    }
}

#[test]
fn a_dead_encoder_and_wrong_rows_are_no_accidents() {
    let dead = verify(&network(&[3, 2], &[Activation::Relu], 0.0), &rows(2, 3)).unwrap();
    assert_eq!(dead.squared_norm, 0.0);
    assert!(dead.formulas.iter().all(|told| told.ratio.is_none() && told.cosine.is_none()));
    let mut unmoved = network(&[3, 2], &[Activation::Relu], 1.0);
    unmoved.tensor_mut("encoder.0.bias").unwrap().fill(-100.0);
    let unmoved = verify(&unmoved, &rows(2, 3)).unwrap();
    assert_eq!((unmoved.squared_norm, told(&unmoved, "right").verdict), (0.0, Verdict::Same));
    for name in ["weight_product", "weight_squares"] {
        assert!(told(&unmoved, name).value > Some(0.0) && told(&unmoved, name).verdict == Verdict::Different, "{name}");
    }
    assert_eq!(told(&unmoved, "floor_division").verdict, Verdict::Inert);
    let parameters = network(&[3, 2], &[Activation::Tanh], 1.0);
    assert!(verify(&parameters, &[]).unwrap_err().to_string().contains("must have 3 numbers, got 0"));
    assert!(verify(&parameters, &[1.0; 4]).unwrap_err().to_string().contains("must have 6 numbers, got 4"));
}
