//! `cae data`: what is registered, what is here, what a file holds.

use crate::support::{Desk, idx, npy};

#[test]
fn the_list_says_what_is_here() {
    let desk = Desk::new();
    let words = desk.stdout("data list");
    assert!(words.contains("built in") && words.contains("cae data fetch fashion-mnist"), "{words}");
    let sets = desk.json("data list --json");
    let state = |name: &str| sets.as_array().unwrap().iter().find(|set| set["name"] == name).unwrap()["state"].clone();
    assert_eq!((state("strokes"), state("mnist")), ("built_in".into(), "to_be_fetched".into()));
}

#[test]
fn built_in_data_need_no_files() {
    let desk = Desk::new();
    assert!(desk.stdout("data fetch strokes").contains("built in"));
    assert!(desk.stdout("data verify strokes").contains("built in"));
}

#[test]
fn verification_tells_missing_from_wrong() {
    let desk = Desk::new();
    assert!(desk.cae("data verify mnist").assert().code(1).get_output().stdout.starts_with(b"missing"));
    std::fs::create_dir_all(desk.path("sets/mnist")).unwrap();
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        desk.write(&format!("sets/mnist/{name}"), "not the published bytes");
    }
    let output = desk.cae("data verify mnist --data-dir sets --json").assert().code(3).get_output().clone();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let states: Vec<&str> = report["files"].as_array().unwrap().iter().map(|f| f["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["wrong", "wrong", "missing", "missing"]);
    let error = desk.refused("train --data mnist:train --data-dir sets", 3);
    assert!(error.contains("SHA-256"), "{error}");
}

#[test]
fn files_are_described() {
    let desk = Desk::new();
    desk.write("images-ubyte", idx(0x0803, 7));
    let info = desk.json("data info images-ubyte --json");
    assert_eq!((&info["rows"], &info["features"], &info["image_shape"]), (&7.into(), &16.into(), &[4, 4].into()));
    desk.write("array.npy", npy(3, &[0.0, -1.5, 2.0, 4.0, 1.0, 0.0]));
    let words = desk.stdout("data info array.npy");
    assert!(words.contains("-1.5 to 4"), "{words}");
    desk.write("kinds.csv", "x,y,kind\n1,2,a\n3,4,b\n5,6,a\n");
    let info = desk.json("data info kinds.csv --label-column kind --json");
    assert_eq!((&info["feature_names"], &info["classes"]), (&serde_json::json!(["x", "y"]), &2.into()));
}

#[test]
fn real_data_are_found_in_a_folder() {
    let Some(folder) = std::env::var_os("CONTRACTIVE_DATA_DIR") else {
        println!("skipped: CONTRACTIVE_DATA_DIR names no folder with real data");
        return;
    };
    let desk = Desk::new();
    let found = desk.cae("data verify fashion-mnist --data-dir").arg(&folder).ok();
    match found {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout).matches("sound").count(), 4),
        Err(_) => println!("skipped: Fashion-MNIST is not in {}", folder.display()),
    }
}
