//! Whole training steps: `cargo bench -p contractive-core`. Data and engines are built outside the timed closure.

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::initialisation::Initialisation;
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Architecture, Batch, Loss, Objective, Penalty};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

struct Workload {
    d: usize,
    hidden: &'static [usize],
    activation: Activation,
    tied: bool,
    batch: usize,
}

/// The article's network.
const FASHION: Workload =
    Workload { d: 784, hidden: &[64, 32, 16], activation: Activation::Relu, tied: false, batch: 128 };
/// The paper's one wide sigmoid layer.
const RIFAI: Workload = Workload { d: 784, hidden: &[1000], activation: Activation::Sigmoid, tied: true, batch: 128 };
/// A table of sensor data.
const TABLE: Workload = Workload { d: 30, hidden: &[64, 16], activation: Activation::Tanh, tied: false, batch: 256 };

fn bench_step(bencher: Bencher<'_, '_>, work: &Workload, penalty: Penalty, threads: usize) {
    let output = if work.tied { Activation::Sigmoid } else { Activation::Identity };
    let network = Architecture::mirrored(work.d, work.hidden, work.activation, work.activation, output, work.tied);
    let mut weyl = 0.0_f64;
    let mut uniform = move || {
        weyl += 0.618_033_988_749_895;
        weyl.fract()
    };
    let parameters = Initialisation::KaimingUniform.parameters(&network, &mut uniform).expect("a valid network");
    let rows: Vec<f32> = (0..work.batch * work.d).map(|_| uniform() as f32).collect();
    let objective = Objective::new(Loss::Sse, penalty, 0.1);
    let mut engine =
        CpuEngine::new(&parameters, &objective, Optimiser::default(), None, threads).expect("a valid objective");
    let batch = Batch::plain(MatRef::new(&rows, work.batch, work.d));
    bencher.counter(ItemsCount::new(work.batch)).bench_local(|| {
        let terms = engine.objective_and_gradient(&batch).expect("rows that fit");
        let _ = engine.update(1e-4);
        terms
    });
}

#[divan::bench(args = [1, 2])]
fn fashion_exact(bencher: Bencher<'_, '_>, threads: usize) {
    bench_step(bencher, &FASHION, Penalty::Jacobian, threads);
}

#[divan::bench(args = [1, 2])]
fn fashion_without_penalty(bencher: Bencher<'_, '_>, threads: usize) {
    bench_step(bencher, &FASHION, Penalty::None, threads);
}

#[divan::bench(args = [1, 2])]
fn rifai_exact(bencher: Bencher<'_, '_>, threads: usize) {
    bench_step(bencher, &RIFAI, Penalty::Jacobian, threads);
}

#[divan::bench(args = [1, 2])]
fn table_exact(bencher: Bencher<'_, '_>, threads: usize) {
    bench_step(bencher, &TABLE, Penalty::Jacobian, threads);
}
