//! Every target on any machine: its seeds, the inputs that once failed, and mutations of both, the same in each run. libFuzzer,
//! which sees what code an input reaches, goes further: `scripts/fuzz.sh`.
//!
//! `CONTRACTIVE_FUZZ_MUTATIONS` sets how many mutations a target gets, or `CONTRACTIVE_FUZZ_SECONDS` for how long it gets them,
//! `CONTRACTIVE_FUZZ_SEED` which.
#![allow(clippy::print_stderr)] // what a test tells

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use contractive_fuzz::mutation::Mutator;
use contractive_fuzz::{TARGETS, Target, seeds, was_refused};

/// Mutations a target.
const MUTATIONS: u64 = 2000;
/// The longest that one input may take, in a build that is not optimised, on a machine with other work.
const LONGEST: Duration = Duration::from_secs(20);

/// Feeds a target with an input, and says where to find one that fails.
fn feed(target: &Target, what: &str, bytes: &[u8]) {
    let began = Instant::now();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))) {
        let path = std::env::temp_dir().join(format!("contractive-fuzz-{}-{}", target.name, std::process::id()));
        std::fs::write(&path, bytes).expect("a finding can be written");
        eprintln!("{}, {what}: the input is {}", target.name, path.display());
        resume_unwind(panic);
    }
    assert!(began.elapsed() < LONGEST, "{}, {what} took {:?}", target.name, began.elapsed());
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number, got {value}")))
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let mut inputs = seeds::of(name);
    assert!(!inputs.is_empty(), "{name} has no seeds");
    let mut accepted = 0;
    for (i, seed) in inputs.iter().enumerate() {
        feed(target, &format!("seed {i}"), seed);
        accepted += usize::from(!was_refused());
    }
    assert!(4 * accepted >= inputs.len(), "{accepted} of {} seeds of {name} are accepted", inputs.len());
    for (file, bytes) in seeds::regressions(name) {
        feed(target, &file, &bytes);
        inputs.push(bytes);
    }
    let mut mutator = Mutator::new(asked("CONTRACTIVE_FUZZ_SEED").unwrap_or(17));
    let longest = asked("CONTRACTIVE_FUZZ_SECONDS").map(Duration::from_secs);
    let most = asked("CONTRACTIVE_FUZZ_MUTATIONS").unwrap_or(if longest.is_some() { u64::MAX } else { MUTATIONS });
    let (began, mut n) = (Instant::now(), 0);
    while n < most && longest.is_none_or(|longest| began.elapsed() < longest) {
        feed(target, &format!("mutation {n}"), &mutator.next(&inputs));
        n += 1;
    }
    eprintln!("{name}: {n} mutations");
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let names = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(names), "one test a target, in their order");
        }
    };
}

replays! {
    arrow checkpoint csv detector hdf5 idx image_detector market model npy npz parquet pictures recipe run scores series series_detector
    weights words
}

#[test]
fn mutations_repeat_and_differ() {
    let inputs = [b"a,b\n1,2\n".to_vec(), b"x;y\n0,5;7\n".to_vec()];
    let drawn = || {
        let mutator = RefCell::new(Mutator::new(7));
        (0..100).map(|_| mutator.borrow_mut().next(&inputs)).collect::<Vec<_>>()
    };
    let all = drawn();
    assert_eq!(all, drawn());
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert!(different.len() > 60, "{}", different.len());
}
