//! `--scale robust` and `--scale quantile`, from training to the restored rows.

use crate::support::{Desk, untimed};

/// 300 rows: a smooth column, one with a tail over six powers of ten, their product, and a constant.
fn heavy_tailed(desk: &Desk) {
    let mut text = "even,tail,both,same\n".to_owned();
    for i in 0..300 {
        let even = (0.37 * f64::from(i)).sin();
        let tail = (13.0 * f64::from((i * 197) % 300) / 300.0).exp();
        text += &format!("{even:.6},{tail:.6},{:.6},5\n", even * tail);
    }
    desk.write("table.csv", text);
}

fn numbers(csv: &str) -> Vec<Vec<f64>> {
    csv.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect()
}

#[test]
fn a_heavy_tail_is_trained_on_and_restored_in_its_own_units() {
    let desk = Desk::new();
    heavy_tailed(&desk);
    let rows = numbers(&desk.text("table.csv"));
    for scale in ["robust", "quantile"] {
        let train =
            format!("train --data table.csv --scale {scale} --hidden 16,3 --learning-rate 0.01 --contraction 1e-5");
        let output = desk.cae(&format!("{train} --epochs 60 --out {scale}")).assert().success().get_output().clone();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains(&format!("({scale})")) && !shown.contains("warning:"), "{shown}");
        assert!(desk.text(&format!("{scale}/config.toml")).contains(&format!("scale = \"{scale}\"")));
        let judged = desk.json(&format!("evaluate {scale} --json"));
        assert!(judged["mse"].as_f64().unwrap() < 0.1, "{judged}");
        let restored = numbers(&desk.stdout(&format!("reconstruct {scale} --data table.csv")));
        // Ranks restore every size of the tail; arsinh, linear up to the median, misses the small ones.
        let least = if scale == "quantile" { 300 } else { 120 };
        let near = rows.iter().zip(&restored).filter(|(x, x_hat)| (x_hat[1].max(1e-3) / x[1]).ln().abs() < 1.0).count();
        assert!(restored.len() == 300 && near >= least, "{scale}: {near} of 300");
        assert!(restored.iter().all(|row| row.iter().all(|value| value.is_finite()) && (row[3] - 5.0).abs() < 0.5));
        // Stopped and gone on with: the same numbers.
        desk.cae(&format!("{train} --epochs 3 --out parts --quiet")).assert().success();
        desk.cae("resume parts --epochs 5 --quiet").assert().success();
        desk.cae(&format!("{train} --epochs 5 --out whole --quiet")).assert().success();
        let metrics = ["parts", "whole"].map(|run| untimed(&desk.text(&format!("{run}/metrics.jsonl"))));
        assert_eq!(metrics[0], metrics[1]);
        let models = ["parts", "whole"].map(|run| desk.read(&format!("{run}/model/model.safetensors")));
        assert_eq!(models[0], models[1]);
        for run in ["parts", "whole"] {
            std::fs::remove_dir_all(desk.path(run)).unwrap();
        }
        let refused = desk.refused(&format!("{train} --stream --out streamed"), 2);
        assert!(refused.contains(scale) && refused.contains("standard"), "{refused}");
    }
}

#[test]
fn stored_ranks_are_checked() {
    let desk = Desk::new();
    heavy_tailed(&desk);
    desk.cae("train --data table.csv --scale quantile --epochs 1 --out run --no-report --quiet").assert().success();
    let mut config: serde_json::Value = serde_json::from_str(&desk.text("run/model/config.json")).unwrap();
    config["preprocessing"]["ranks"][1][0] = 1e9.into();
    desk.write("run/model/config.json", config.to_string());
    let error = desk.refused("evaluate run", 3);
    assert!(error.contains("ranks"), "{error}");
}
