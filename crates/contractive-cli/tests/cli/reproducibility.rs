//! The same seed gives the same bytes, for any number of threads.

use crate::support::Desk;

#[test]
fn same_seed_same_bytes_for_any_number_of_threads() {
    let desk = Desk::new();
    desk.table("table.csv", 400, 20);
    let model = |flags: &str, out: &str| {
        let words = format!("train --data table.csv --hidden 16,4 --epochs 3 --quiet --out {out} {flags}");
        desk.cae(&words).assert().success();
        desk.read(&format!("{out}/model/model.safetensors"))
    };
    let first = model("--seed 5 --threads 1", "a");
    assert_eq!(first, model("--seed 5 --threads 1", "b"), "on repeat");
    assert_eq!(first, model("--seed 5 --threads 2", "c"), "on two threads");
    assert_ne!(first, model("--seed 6 --threads 1", "d"), "another seed");
}
