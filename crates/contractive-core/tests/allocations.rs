//! After the first steps of a batch size a step allocates no buffer: a counting allocator watches every request.
//!
//! One test alone in this file: the counters belong to the whole process.
#![allow(unsafe_code)] // an allocator is unsafe by its trait

mod trial;
// Used by `trial`.
mod tolerance;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::objective::Sparsity;
use contractive_core::optimiser::Optimiser;
use contractive_core::order::{Order, of_encoder};
use contractive_core::penalty::ProbeDistribution;
use contractive_core::{Activation, Batch, Loss, Objective, Parameters, Penalty};
use trial::{Draws, network_of};

/// The system's allocator, counting what is asked for while `COUNTING` is on.
struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

fn count(layout: Layout) {
    if COUNTING.load(Relaxed) {
        REQUESTS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size(), Relaxed);
        LARGEST.fetch_max(layout.size(), Relaxed);
    }
}

// SAFETY: every call goes on to `System` with the arguments as they came, so its guarantees are System's; the counters
// are atomics and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this layout, since every allocation here does.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(Layout::from_size_align(size, layout.align()).unwrap_or(layout));
        // SAFETY: as for `dealloc`; the caller promises that `size` is valid.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The largest request and all requests together that a step may make, in bytes: lists of layers, no buffer.
const LARGEST_REQUEST: usize = 4 << 10;
const A_STEP: usize = 64 << 10;

const STEPS: usize = 5;

/// Requests, bytes and the largest request of `STEPS` steps after three to warm up.
fn measured(sizes: &[usize], phi: Activation, penalty: Penalty, sparsity: Option<Sparsity>) -> [usize; 3] {
    let network = network_of(sizes, phi, Activation::Identity, false);
    // Finite differences multiply three times a row, and each product makes a small list.
    let n = if matches!(penalty, Penalty::FiniteDifference { .. }) { 16 } else { 128 };
    let d = sizes[0];
    let mut draws = Draws::new(7);
    let mut normal = |n: usize, scale: f64| -> Vec<f32> { (0..n).map(|_| (scale * draws.normal()) as f32).collect() };
    let mut parameters = Parameters::zeros(&network).unwrap();
    let values = normal(parameters.len(), 0.05);
    parameters.values_mut().copy_from_slice(&values);
    let rows = normal(n * d, 0.5);
    let mut random = normal(penalty.n_draws(&network, n), 1.0);
    penalty.shape_draws(&network, &mut random);
    let mut objective = Objective::new(Loss::Mse, penalty, 0.1);
    objective.sparsity = sparsity;
    let mut engine = CpuEngine::new(&parameters, &objective, Optimiser::default(), Some(1.0), 1).unwrap();
    let batch = Batch { draws: &random, ..Batch::plain(MatRef::new(&rows, n, d)) };
    let mut steps = |count: usize| {
        for _ in 0..count {
            engine.objective_and_gradient(&batch).unwrap();
            let _ = engine.update(1e-3);
        }
    };

    steps(3);
    [&REQUESTS, &BYTES, &LARGEST].iter().for_each(|counter| counter.store(0, Relaxed));
    COUNTING.store(true, Relaxed);
    steps(STEPS);
    COUNTING.store(false, Relaxed);
    [&REQUESTS, &BYTES, &LARGEST].map(|counter| counter.load(Relaxed))
}

#[test]
fn a_warm_step_allocates_no_buffer() {
    use Activation::{Relu, Sigmoid, Tanh};
    let jacobian = Penalty::Jacobian;
    let orders: [(&[usize], Order); 4] = [
        (&[784, 64, 32, 16], Order::CodeSideGram),
        (&[30, 64, 32, 16], Order::CodeSideDirect),
        (&[6, 32, 32, 32], Order::InputSide),
        (&[30, 64, 16], Order::KhatriRao),
    ];
    for (sizes, order) in orders {
        let network = network_of(sizes, Tanh, Activation::Identity, false);
        assert_eq!(of_encoder(&network, 128), order, "{sizes:?} must take this order");
    }

    let usual = orders[0].0;
    let hessian = Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 };
    let projection = Penalty::Projection { probes: 2, distribution: ProbeDistribution::Rademacher };
    let sparse = Some(Sparsity { target: 0.1, weight: 0.5 });
    let mut faults = Vec::new();
    for (sizes, phi, penalty, sparsity) in [
        (usual, Tanh, Penalty::None, None),
        (usual, Tanh, jacobian, None),
        (usual, Relu, jacobian, None),
        (orders[1].0, Tanh, jacobian, None),
        (orders[1].0, Relu, jacobian, None),
        (orders[2].0, Tanh, jacobian, None),
        (orders[3].0, Tanh, jacobian, None),
        (orders[3].0, Tanh, Penalty::JacobianNorm, None),
        (&[784, 64], Tanh, jacobian, None),
        (usual, Tanh, Penalty::JacobianNorm, None),
        (usual, Tanh, projection, None),
        (usual, Tanh, hessian, None),
        (&[784, 64], Tanh, hessian, None),
        (usual, Tanh, Penalty::Layerwise, None),
        (usual, Sigmoid, Penalty::LogisticLast { hold_weights: false }, sparse),
        (usual, Tanh, Penalty::WeightL1, None),
        (usual, Tanh, Penalty::WeightL2, None),
        (&[40, 30, 10], Tanh, Penalty::FiniteDifference { epsilon: 1e-3, directions: 0 }, None),
    ] {
        let [requests, bytes, largest] = measured(sizes, phi, penalty, sparsity);
        let [requests, bytes] = [requests, bytes].map(|total| total.div_ceil(STEPS));
        let report =
            format!("{sizes:?}, {phi}, {penalty:?}: {requests} requests a step, {bytes} bytes, the largest {largest}");
        println!("{report}");
        if largest > LARGEST_REQUEST || bytes >= A_STEP {
            faults.push(report);
        }
    }
    assert!(faults.is_empty(), "a step may ask for {LARGEST_REQUEST} bytes at once and {A_STEP} in all:\n{faults:#?}");
}
