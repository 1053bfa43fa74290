//! The example runs.

#[path = "../../examples/03_detect.rs"]
mod detect;

#[test]
fn detecting_runs() {
    detect::main().unwrap();
}
