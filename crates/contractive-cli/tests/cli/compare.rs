//! Kinds of autoencoders beside each other.

use crate::support::{Desk, names_in};
use serde_json::Value;

#[test]
fn five_kinds_are_trained_alike_and_shown_side_by_side() {
    let desk = Desk::new();
    let compare = "compare --rows 200 --hidden 12,6 --epochs 2";
    let output = desk.cae(compare).assert().success().get_output().clone();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for text in ["gaussian noise of 0.2", "1 × KL", "ε of 0.1", "[5/5]"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    for text in ["squared error", "near 0", "moved 0.1", "moved 0.3", "none tuned by itself", "CAE+H"] {
        assert!(said.contains(text), "{text} in {said}");
    }
    let folder = "runs/strokes-kinds";
    let kinds = ["autoencoder", "denoising", "sparse", "contractive", "CAE+H"];
    let page = desk.text(&format!("{folder}/report.html"));
    for kind in kinds {
        assert!(page.contains(&format!("reconstruction 1 of {kind}")) && page.contains(&format!("filter 1 of {kind}")));
    }
    let config = |kind: &str| desk.text(&format!("{folder}/kind={kind}/config.toml")).parse::<toml::Table>().unwrap();
    for kind in kinds {
        // The objective alone differs.
        let (mut one, mut plain) = (config(kind), config("autoencoder"));
        assert_eq!(one["objective"] == plain["objective"], kind == "autoencoder", "{kind}");
        one.remove("objective");
        plain.remove("objective");
        assert_eq!(one, plain, "{kind}");
    }
    assert_eq!(config("CAE+H")["objective"]["penalty"]["kind"].as_str(), Some("hessian"));

    // The same once more, with seeds beside it and as JSON; those of the first folder are another comparison.
    let lines = desk.stdout(&format!("{compare} --seeds 2 --kinds autoencoder,contractive --lambda 100 --json"));
    let end: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["folder"]), (&"end".into(), &"runs/strokes-kinds-2".into()));
    let value = |kind: usize, key: &str| end["table"][kind]["values"][key]["mean"].as_f64().unwrap();
    for key in ["jacobian_norm", "moved_by_noise_0.1", "jacobian_to_code_variance"] {
        assert!(value(1, key) < value(0, key), "{key}: contraction lowers it");
    }
    assert!((0.0..=1.0).contains(&value(0, "near_zero")) && value(0, "local_dimension") >= 1.0);
    assert_eq!(end["table"][1]["runs"], 2);
}

#[test]
fn a_table_is_compared_and_what_is_no_comparison_is_refused() {
    let desk = Desk::new();
    desk.table("table.csv", 80, 6);
    let compare = "compare --data table.csv --hidden 4 --epochs 1 --no-report";
    desk.cae(&format!("{compare} --loss mse --noise masking:0.1 --out all --quiet")).assert().success().stdout("");
    assert_eq!(names_in(&desk.path("all")).len(), 10);
    let contractive = desk.text("all/kind=contractive/config.toml");
    // One sixth of what it is beside a sum over six features.
    assert!(contractive.contains("contraction = 0.16666666666666666"), "{contractive}");
    for (flags, text) in [
        ("--code-activation tanh", "sigmoid"),
        ("--set objective.contraction=3", "each kind has its own"),
        ("--set objective.noise.kind=gaussian", "each kind has its own"),
        ("--set training.batch_size=8,16", "only the kinds differ"),
        ("--noise none", "--kinds"),
        ("--kinds plain", "autoencoder"),
        ("--lambda -1", "contraction"),
    ] {
        let said = desk.refused(&format!("{compare} {flags} --out x"), 2);
        assert!(said.contains(text), "{flags}: {said}");
    }
    assert!(!desk.path("x").exists());
    desk.cae(&format!("{compare} --code-activation tanh --kinds contractive,denoising --out two --quiet"))
        .assert()
        .success();
}
