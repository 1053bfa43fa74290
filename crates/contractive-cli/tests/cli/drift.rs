//! `cae drift`: batches like the training rows have not drifted, others have, and the columns are named.

use crate::support::Desk;

/// Rows of three numbers and a category; `seed` says which rows, the rest how they are changed.
fn table(rows: usize, seed: u64, times: f64, web: u64) -> String {
    let mut state = seed;
    let mut uniform = || {
        state = (state * 48_271) % 2_147_483_647;
        state as f64 / 2_147_483_647.0
    };
    let mut text = String::from("size,price,weight,channel\n");
    for i in 0..rows {
        let size = 1.0 + (8.0 * uniform()).floor();
        let price = times * size * (10.0 + uniform());
        let weight = if i % 10 == 3 { String::new() } else { format!("{:.3}", 0.8 * size + 0.1 * uniform()) };
        let channel = if (100.0 * uniform()) as u64 <= web { "web" } else { "store" };
        text += &format!("{size},{price:.2},{weight},{channel}\n");
    }
    text
}

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("train.csv", table(2000, 11, 1.0, 70));
    desk.cae("train --detector --data train.csv --missing mask --ensemble 2 --steps 100 -q --out d").assert().success();
    desk
}

#[test]
fn a_batch_like_the_training_rows_has_not_drifted() {
    let desk = trained();
    desk.write("same.csv", table(500, 77, 1.0, 70));
    let drift = desk.json("drift d --data same.csv --json");
    assert_eq!((&drift["rows"], &drift["has_drifted"]), (&500.into(), &false.into()), "{drift}");
    assert_eq!(drift["columns"].as_array().unwrap().len(), 4);
    let weight = drift["columns"].as_array().unwrap().iter().find(|c| c["name"] == "weight").unwrap();
    assert_eq!(weight["missing"], 0.1);
    let text = desk.stdout("drift d --data same.csv --fail-on-drift");
    assert!(text.contains("lie as the training rows do"), "{text}");
}

#[test]
fn what_has_moved_is_named_with_where_it_was() {
    let desk = trained();
    desk.write("new.csv", table(500, 77, 1.6, 20));
    let drift = desk.json("drift d --data new.csv --json");
    assert_eq!(drift["has_drifted"], true);
    let columns = drift["columns"].as_array().unwrap();
    let moved: Vec<&str> =
        columns.iter().filter(|c| c["has_drifted"] == true).filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(moved, ["channel", "price"], "{drift}");
    assert!(drift["drift"].as_f64().unwrap() >= columns[0]["distance"].as_f64().unwrap());
    let level = &columns[0]["level"];
    assert!(
        (level[1].as_f64().unwrap() - 0.7).abs() < 0.05 || (level[1].as_f64().unwrap() - 0.3).abs() < 0.05,
        "{level}"
    );
    let [then, now] = [0, 1].map(|i| columns[1]["medians"][i].as_f64().unwrap());
    assert!((now / then - 1.6).abs() < 0.25, "{then} {now}");
    let text = desk.stdout("drift d --data new.csv");
    assert!(text.contains("The rows have drifted, most in `channel`, `price`"), "{text}");
    desk.cae("drift d --data new.csv --fail-on-drift").assert().code(5);
}

#[test]
fn what_is_no_detector_or_does_not_fit_is_refused() {
    let desk = trained();
    assert!(desk.refused("drift . --data train.csv", 2).contains("is no detector"));
    desk.write("other.csv", table(20, 1, 1.0, 70).replace("price", "cost"));
    assert!(desk.refused("drift d --data other.csv", 2).contains("price"));
}
