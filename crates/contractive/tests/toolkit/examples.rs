//! The examples run, and README shows one of them whole.

#[path = "../../examples/02_encode.rs"]
mod encode;
#[path = "../../examples/01_first_fit.rs"]
mod first_fit;
#[path = "../../examples/04_why_contract.rs"]
mod why_contract;

#[test]
fn the_first_fit_runs() {
    first_fit::main().unwrap();
}

#[test]
fn encoding_runs() {
    encode::main().unwrap();
}

#[test]
fn why_contract_runs_and_the_code_moves_less() {
    why_contract::main().unwrap();
}

#[test]
fn readme_shows_the_first_fit_as_it_is() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../examples/01_first_fit.rs");
    let code = example
        .split_once("\n\n")
        .unwrap()
        .1
        .replace("/// Runs the example; public so that a test can.\npub fn main", "fn main");
    assert!(readme.contains(code.trim()), "README's library section must be examples/01_first_fit.rs");
}
