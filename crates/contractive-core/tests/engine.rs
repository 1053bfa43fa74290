//! The fast engine against the reference, on shapes that reach every page, lane edge and order of multiplication. These
//! tests depend on the vector instructions: `scripts/test.sh` runs them with each set.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

mod tolerance;
mod trial;

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::objective::{Batch, Sparsity};
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Loss, Objective, Penalty};
use trial::{ENGINE, KHATRI_RAO, REFERENCE, Trial, engine, network_of, numbers, penalties};

/// Encoder sizes that make the cost model choose each order, and one layer.
const SHAPES: [(&str, &[usize]); 6] = [
    ("one layer", &[11, 7]),
    ("Gram", &[40, 6, 5, 3]),
    ("direct", &[4, 14, 4, 2]),
    ("direct in small batches", &[4, 14, 3]),
    ("input side", &[3, 10, 9, 8]),
    ("a code wider than the lanes' groups", &[30, 20, 12]),
];

#[test]
fn the_shapes_reach_every_order() {
    use contractive_core::order::{Order, of_encoder};
    for (name, order) in
        [("Gram", Order::CodeSideGram), ("direct", Order::CodeSideDirect), ("input side", Order::InputSide)]
    {
        let (_, sizes) = SHAPES.iter().find(|(known, _)| *known == name).unwrap();
        for batch in [5, 19, 50] {
            let network = network_of(sizes, Activation::Tanh, Activation::Identity, false);
            assert_eq!(of_encoder(&network, batch), order, "{sizes:?} in batches of {batch}");
        }
    }
    let (sizes, batch) = KHATRI_RAO;
    let order = |phi, batch| of_encoder(&network_of(sizes, phi, Activation::Identity, false), batch);
    assert_eq!(order(Activation::Tanh, batch), Order::KhatriRao);
    assert_ne!(order(Activation::Tanh, 5), Order::KhatriRao, "too few rows");
    assert_ne!(order(Activation::Relu, batch), Order::KhatriRao, "dead units of the code are left out");
}

#[test]
fn the_khatri_rao_product_agrees_with_the_reference() {
    let (sizes, n) = KHATRI_RAO;
    for (seed, phi) in Activation::ALL.into_iter().enumerate() {
        for penalty in [Penalty::Jacobian, Penalty::JacobianNorm] {
            for tied in [false, true] {
                let network = network_of(sizes, phi, Activation::Identity, tied);
                let trial =
                    Trial::draw(900 + seed as u64, network, Objective::new(Loss::Sse, penalty, 0.3), n, 0.4, 0.3);
                compare(&format!("{phi}, {penalty:?}, tied {tied}"), &trial);
                compare(&format!("{phi}, {penalty:?}, tied {tied}, noisy"), &trial.with_noise(seed as u64, 0.2));
            }
        }
    }
}

/// Engine and reference on one trial, value and every tensor of the gradient.
fn compare(label: &str, trial: &Trial) {
    let (want, got) = ((REFERENCE.evaluate)(trial), (ENGINE.evaluate)(trial));
    for (name, want, got) in [
        ("total", want.terms.total, got.terms.total),
        ("penalty", want.terms.penalty, got.terms.penalty),
        ("reconstruction", want.terms.reconstruction, got.terms.reconstruction),
        ("sparsity", want.terms.sparsity, got.terms.sparsity),
    ] {
        let error = (got - want).abs() / want.abs().max(1e-30);
        assert!(want == got || error < tolerance::ENGINE, "{label}: {name} is {got}, the reference says {want}");
    }
    for place in contractive_core::parameters::layout(&trial.architecture) {
        let largest = want.gradient[place.range()].iter().fold(0.0_f64, |m, g| m.max(g.abs()));
        for i in place.range() {
            let error = (want.gradient[i] - got.gradient[i]).abs();
            assert!(
                error <= tolerance::ENGINE * largest,
                "{label}: {} entry {}: {} not {}",
                place.name,
                i - place.start,
                got.gradient[i],
                want.gradient[i]
            );
        }
    }
}

#[test]
fn every_penalty_on_every_shape_agrees_with_the_reference() {
    let mut seed = 0;
    for (shape, sizes) in SHAPES {
        for phi in Activation::ALL {
            for penalty in penalties(sizes[sizes.len() - 1]) {
                for tied in [false, true] {
                    // 1 row, fewer rows than lanes, and more with a short last lane.
                    for n in [1, 5, 19] {
                        seed += 1;
                        let loss = Loss::ALL[seed as usize % 2];
                        let objective = Objective::new(loss, penalty, 0.3);
                        let scale = 1.0 / (sizes[0] as f64).sqrt();
                        let network = network_of(sizes, phi, Activation::Identity, tied);
                        let trial = Trial::draw(seed, network, objective, n, scale, 0.3);
                        compare(&format!("{shape}, {phi}, {penalty:?}, tied {tied}, {n} rows"), &trial);
                    }
                }
            }
        }
    }
}

#[test]
fn noise_and_sparsity_agree_with_the_reference() {
    for (seed, penalty) in penalties(3).into_iter().enumerate() {
        for loss in Loss::ALL {
            let mut objective = Objective::new(loss, penalty, 0.2);
            objective.sparsity = Some(Sparsity { target: 0.1, weight: 0.5 });
            let network = network_of(&[12, 6, 3], Activation::Sigmoid, Activation::Sigmoid, seed % 2 == 0);
            let trial = Trial::draw(seed as u64, network, objective, 21, 0.5, 0.3);
            compare(&format!("{loss}, {penalty:?}, sparse"), &trial);
            compare(&format!("{loss}, {penalty:?}, sparse and noisy"), &trial.with_noise(seed as u64, 0.2));
        }
    }
}

/// A small network is cut into several lanes only where there are many rows.
#[test]
fn lanes_of_a_small_network_add_up() {
    for (seed, penalty) in [Penalty::None, Penalty::Jacobian, Penalty::Layerwise].into_iter().enumerate() {
        let mut objective = Objective::new(Loss::Mse, penalty, 0.2);
        objective.sparsity = Some(Sparsity { target: 0.1, weight: 0.5 });
        let network = network_of(&[12, 6, 3], Activation::Sigmoid, Activation::Sigmoid, false);
        let trial = Trial::draw(seed as u64, network, objective, 700, 0.5, 0.3);
        compare(&format!("{penalty:?}, several lanes"), &trial.with_noise(seed as u64, 0.2));
    }
}

#[test]
fn groups_of_samples_do_not_change_the_result() {
    // 300 rows of 64 code units by 96 wide layers: several groups in a lane.
    for penalty in
        [Penalty::Jacobian, Penalty::JacobianNorm, Penalty::Hessian { corruptions: 1, sigma: 0.1, ratio: 0.5 }]
    {
        let network = network_of(&[110, 96, 64], Activation::Tanh, Activation::Identity, false);
        let trial = Trial::draw(7, network, Objective::new(Loss::Mse, penalty, 0.1), 333, 0.1, 0.1);
        compare(&format!("{penalty}"), &trial);
    }
}

/// Decoders that do not mirror: one linear layer, one smooth layer, and a widening one.
#[test]
fn jacobians_of_other_decoders_agree_with_the_reference() {
    let (tanh, identity) = (Activation::Tanh, Activation::Identity);
    for (seed, (sizes, activations)) in
        [(vec![4, 9], vec![identity]), (vec![4, 9], vec![tanh]), (vec![4, 30, 9], vec![tanh, identity])]
            .into_iter()
            .enumerate()
    {
        let mut network = network_of(&[9, 6, 4], tanh, identity, false);
        (network.decoder_sizes, network.decoder_activations) = (sizes, activations);
        for probes in [0, 3] {
            for penalty in [Penalty::Reconstruction { probes }, Penalty::Decoder { probes }] {
                let objective = Objective::new(Loss::Mse, penalty, 0.3);
                let trial = Trial::draw(seed as u64, network.clone(), objective, 11, 0.4, 0.3);
                compare(&format!("{penalty:?}, decoder {:?}", network.decoder_sizes), &trial);
                compare(&format!("{penalty:?}, noisy"), &trial.with_noise(9, 0.2));
            }
        }
    }
}

#[test]
fn weights_beyond_one_tile_agree_with_the_reference() {
    let network = network_of(&[700, 120, 9], Activation::Sigmoid, Activation::Sigmoid, true);
    let trial = Trial::draw(3, network, Objective::new(Loss::CrossEntropy, Penalty::Jacobian, 0.1), 10, 0.05, 0.1);
    compare("two tiles", &trial);
}

/// No transpose is kept of a layer as large as these, unless the penalty reads it: its rows are transposed instead, and
/// G is summed block by block.
#[test]
fn large_layers_agree_with_the_reference() {
    let wide = [
        Penalty::None,
        Penalty::Jacobian,
        Penalty::FiniteDifference { epsilon: 1e-2, directions: 3 },
        Penalty::Reconstruction { probes: 2 },
    ];
    let cases = wide.map(|penalty| (&[2700, 50, 3][..], penalty)).into_iter();
    let cases = cases.chain(penalties(3).into_iter().map(|penalty| (&[2, 2000, 70, 3][..], penalty)));
    for (seed, (sizes, penalty)) in cases.enumerate() {
        let network = network_of(sizes, Activation::Tanh, Activation::Identity, seed % 2 == 0);
        let trial = Trial::draw(seed as u64, network, Objective::new(Loss::Mse, penalty, 0.3), 2, 0.02, 0.1);
        compare(&format!("{sizes:?}, {penalty:?}"), &trial);
    }
}

#[test]
fn a_contraction_of_zero_still_reports_the_penalty() {
    let network = network_of(&[8, 5], Activation::Sigmoid, Activation::Identity, false);
    let trial = Trial::draw(3, network, Objective::new(Loss::Mse, Penalty::Jacobian, 0.0), 6, 1.0, 0.1);
    compare("contraction 0", &trial);
    assert!((ENGINE.evaluate)(&trial).terms.penalty > 0.0);
}

#[test]
fn encoding_and_decoding_agree_with_the_reference_beyond_one_block() {
    let network = network_of(&[6, 9, 4], Activation::Gelu, Activation::Sigmoid, false);
    let rows = numbers(5, 4500 * 6, 1.0);
    for threads in [1, 2] {
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        let mut engine = engine(&network, &objective, Optimiser::default(), threads);
        let (mut code, mut output) = (vec![0.0; 4500 * 4], vec![0.0; 4500 * 6]);
        engine.encode(MatRef::new(&rows, 4500, 6), &mut code).unwrap();
        engine.decode(MatRef::new(&code, 4500, 4), &mut output).unwrap();
        let values: Vec<f64> = engine.parameters().values().iter().map(|v| f64::from(*v)).collect();
        let reference = contractive_core::reference::Network::new(&network, &values).unwrap();
        for r in [0, 1, 511, 512, 4095, 4096, 4499] {
            let x: Vec<f64> = rows[r * 6..(r + 1) * 6].iter().map(|v| f64::from(*v)).collect();
            let h = contractive_core::reference::network::forward(reference.encoder(), &x);
            let y = contractive_core::reference::network::forward(reference.decoder(), h.output());
            for (got, want) in code[r * 4..].iter().zip(h.output()).chain(output[r * 6..].iter().zip(y.output())) {
                assert!((f64::from(*got) - want).abs() < 1e-5, "row {r}, {threads} threads: {got} not {want}");
            }
        }
    }
}

#[test]
fn row_norms_agree_with_the_explicit_jacobian_whatever_was_trained() {
    for (_, sizes) in SHAPES {
        let network = network_of(sizes, Activation::Softplus, Activation::Identity, false);
        let objective = Objective::new(Loss::Mse, Penalty::WeightL2, 0.1);
        let mut engine = engine(&network, &objective, Optimiser::default(), 2);
        let (n, d, k) = (600, sizes[0], sizes[sizes.len() - 1]);
        let rows = numbers(9, n * d, 1.0);
        let rows = MatRef::new(&rows, n, d);
        let mut squares = vec![0.0; n];
        engine.jacobian_squares(rows, &mut squares).unwrap();
        let J = contractive_core::jacobian::explicit(&engine.parameters(), rows);
        for (r, J) in J.chunks_exact(k * d).enumerate() {
            let want: f64 = J.iter().map(|v| f64::from(*v).powi(2)).sum();
            assert!((squares[r] - want).abs() < 1e-5 * want, "row {r}: {} not {want}", squares[r]);
        }
    }
}

#[test]
fn terms_of_rows_are_what_the_objective_takes_means_of() {
    let network = network_of(&[12, 6, 3], Activation::Tanh, Activation::Sigmoid, false);
    // Other numbers of rows first: what an earlier batch left must not be read.
    for (penalty, n) in penalties(3).into_iter().flat_map(|penalty| [(penalty, 70), (penalty, 3), (penalty, 21)]) {
        let mut engine = engine(&network, &Objective::new(Loss::Bce, penalty, 0.2), Optimiser::default(), 2);
        engine.encode(MatRef::new(&[0.5; 40 * 12], 40, 12), &mut [0.0; 40 * 3]).unwrap();
        let rows: Vec<f32> = numbers(3, n * 12, 0.5).iter().map(|v| v.abs().min(1.0)).collect();
        let draws = numbers(4, penalty.n_draws(&network, n), 1.0);
        let batch = Batch { draws: &draws, ..Batch::plain(MatRef::new(&rows, n, 12)) };
        let (mut losses, mut penalties) = (vec![0.0; n], vec![0.0; n]);
        engine.row_terms(&batch, &mut losses, &mut penalties).unwrap();
        let terms = engine.objective(&batch).unwrap();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
        assert!((mean(&losses) - terms.reconstruction).abs() <= 1e-12 * terms.reconstruction, "{penalty:?}, {n} rows");
        assert!((mean(&penalties) - terms.penalty).abs() <= 1e-12 * terms.penalty, "{penalty:?}, {n} rows");
        assert!(losses.iter().any(|loss| (loss - losses[0]).abs() > 1e-3), "rows differ");
        assert!(engine.row_terms(&batch, &mut losses[1..], &mut penalties).is_err());
    }
}
