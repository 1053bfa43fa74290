//! Whether the order of multiplication chosen by counting is the fastest: every order of the exact penalty, timed on a
//! grid of smooth encoders, beside the one that [`order`](mod@crate::order) chooses.
//!
//! The ignored test `every_order_timed` (docs/derivations/frobenius-deep.md has the command) prints a table in Markdown,
//! milliseconds a batch on one thread (the least of several runs), cut into lanes as the engine cuts a batch, with what a
//! step needs beside the rows: G and K W_1 for the Gram order, F for the Khatri-Rao one.

use std::time::Instant;

use super::super::PenaltyPlan;
use super::super::gemm::{Destination, View, ViewMut, gemm, gemm_upper, mirror};
use super::super::lane_penalty::{LanePenalty, LaneRows, StepWeights};
use super::super::operands::{DenseLayer, LayerPass};
use super::khatri_rao::KhatriRaoProduct;
use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::instructions;
use crate::order::{Order, Top, cost, of_encoder};

/// Encoder sizes and rows of a batch: narrow and wide inputs, first layers and codes, two to four layers.
const GRID: [(&[usize], usize); 24] = [
    (&[784, 64, 32, 16], 128),
    (&[784, 256, 64], 128),
    (&[784, 512, 256, 32], 64),
    (&[100, 200, 50], 128),
    (&[64, 256, 16], 256),
    (&[64, 32, 16], 256),
    (&[30, 64, 16], 256),
    (&[30, 64, 16], 64),
    (&[30, 64, 16], 1024),
    (&[10, 20, 5], 256),
    (&[13, 100, 10], 128),
    (&[20, 32, 8], 256),
    (&[40, 128, 8], 256),
    (&[50, 50, 10], 128),
    (&[64, 64, 32], 256),
    (&[100, 64, 16], 256),
    (&[30, 64, 32], 128),
    (&[30, 64, 64], 256),
    (&[16, 128, 64], 256),
    (&[8, 64, 32], 256),
    (&[6, 32, 32, 32], 256),
    (&[300, 100, 100, 100], 128),
    (&[2000, 64, 8], 64),
    (&[2000, 400, 100], 32),
];

const ORDERS: [Order; 4] = [Order::CodeSideGram, Order::CodeSideDirect, Order::InputSide, Order::KhatriRao];
const RUNS: usize = 9;
/// Shares that the engine cuts a batch into.
const LANES: usize = 8;

fn plan_of(order: Order) -> PenaltyPlan {
    match order {
        Order::CodeSideGram => PenaltyPlan::CodeSide { top: Top::Units, gram: true, root: false },
        Order::CodeSideDirect => PenaltyPlan::CodeSide { top: Top::Units, gram: false, root: false },
        Order::InputSide => PenaltyPlan::InputSide { root: false },
        Order::KhatriRao => PenaltyPlan::KhatriRao { root: false },
    }
}

/// Numbers between −½ and ½ that no compiler foresees.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next()).collect()
}

/// Milliseconds of value and gradient of a smooth encoder's penalty in this order.
fn milliseconds(order: Order, sizes: &[usize], n: usize) -> f64 {
    let weights: Vec<(Vec<f32>, Vec<f32>)> = sizes
        .windows(2)
        .map(|pair| {
            let (n, m) = (pair[0], pair[1]);
            let W = numbers(m * n, (m * n) as u32);
            let WT = (0..m * n).map(|i| W[i % m * n + i / m]).collect();
            (W, WT)
        })
        .collect();
    let net: Vec<DenseLayer<'_>> = sizes
        .windows(2)
        .zip(&weights)
        .map(|(pair, (W, WT))| DenseLayer { W, WT, m: pair[1], n: pair[0], is_smooth: true })
        .collect();
    let rows_of_lane = n.div_ceil(LANES);
    let layer = |&m: &usize| {
        let size = rows_of_lane * m;
        LayerPass { d: numbers(size, 3).into(), dd: numbers(size, 4).into(), dZ: Buffer::zeros(size) }
    };
    let mut passes = [sizes[1..].iter().map(layer).collect::<Vec<_>>()];
    let (d, m) = (sizes[0], sizes[1]);
    let (X, mut P, mut G) = (numbers(rows_of_lane * d, 5), vec![0.0; rows_of_lane], vec![0.0; m * m]);
    let mut dW = vec![0.0; m * d];
    let mut lane = LanePenalty::default();
    let arch = instructions::arch();
    let (plan, mut F) = (plan_of(order), KhatriRaoProduct::default());
    let mut once = || {
        if plan.needs_gram() {
            let (W, WT) = (View::new(net[0].W, m, d), View::new(net[0].WT, d, m));
            gemm_upper(ViewMut::new(&mut G, m, m), Destination::Set, 1.0, W, WT);
            mirror(&mut G, m);
        }
        if plan.needs_khatri_rao() {
            F.refresh(arch, net[0].WT, net[1].W, m);
        }
        let weights =
            StepWeights { net: &net, q: &[], G: &G, F: &F, chain: &[], biases: &[], activations: &[], net64: &[] };
        let rows = LaneRows { X: &X, draws: &[], h: &[], h_stride: 1 };
        for _ in 0..LANES {
            lane.reset(plan, &net);
            lane.forward_backward(arch, plan, &mut P, &mut passes, weights, rows, Some(1e-3));
        }
        if plan.needs_gram() {
            mirror(&mut lane.sums.K, m);
            let (K, W) = (View::new(&lane.sums.K, m, m), View::new(net[0].W, m, d));
            gemm(ViewMut::new(&mut dW, m, d), Destination::Add, 2.0, K, W);
        }
    };
    once();
    let time = |_| {
        let start = Instant::now();
        once();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..RUNS).map(time).fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "a measurement: minutes, and right only on a machine that does nothing else"]
fn every_order_timed() {
    println!("| encoder | batch | Gram | direct | input side | Khatri-Rao | chosen | its time over the fastest |");
    println!("|---|---|---|---|---|---|---|---|");
    for (sizes, n) in GRID {
        let times = ORDERS.map(|order| {
            // Beyond some size F fits no cache, and the order is never chosen.
            let fits = sizes.len() == 3 && sizes.iter().product::<usize>() <= 1 << 18;
            let is_possible = order != Order::KhatriRao || fits;
            if is_possible { milliseconds(order, sizes, n) } else { f64::INFINITY }
        });
        let phi = Activation::Tanh;
        let chosen = of_encoder(&Architecture::mirrored(sizes[0], &sizes[1..], phi, phi, phi, false), n);
        let place = ORDERS.iter().position(|order| *order == chosen).unwrap_or(0);
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let shown: Vec<String> =
            times.iter().map(|t| if t.is_finite() { format!("{t:.2}") } else { "–".into() }).collect();
        let shape: Vec<String> = sizes.iter().map(usize::to_string).collect();
        println!(
            "| {} | {n} | {} | {} | {:.2} ({:.1} M multiply-adds a row) |",
            shape.join("-"),
            shown.join(" | "),
            ["Gram", "direct", "input side", "Khatri-Rao"][place],
            times[place] / best,
            cost(chosen, sizes, Top::Units, n) / 1e6,
        );
    }
}
