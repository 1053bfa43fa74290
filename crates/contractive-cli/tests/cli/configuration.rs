//! Flags over file over recipe, and settings that are refused.

use crate::support::Desk;

/// The configuration that a run of the table was trained with.
fn resolved(desk: &Desk, words: &str) -> toml::Table {
    desk.table("table.csv", 40, 6);
    desk.cae(&format!("train {words} --out run --quiet")).assert().success();
    let text = desk.text("run/config.toml");
    std::fs::remove_dir_all(desk.path("run")).unwrap();
    text.parse().unwrap()
}

#[test]
fn absurd_counts_are_refused_with_their_range() {
    let desk = Desk::new();
    desk.table("table.csv", 30, 4);
    for (flag, key, range) in [
        ("--threads 10000", "training.threads", "from 1 to 1024"),
        ("--threads 0", "training.threads", "from 1 to 1024"),
        ("--batch-size 1000000000000", "training.batch_size", "from 1 to 4294967295"),
        ("--batch-size 0", "training.batch_size", "from 1 to 4294967295"),
        ("--epochs 0", "training.epochs", "from 1 to 4294967295"),
        ("--epochs 1000000000000", "training.epochs", "from 1 to 4294967295"),
    ] {
        let error = desk.refused(&format!("train --data table.csv --out run {flag}"), 2);
        assert!(error.contains(key) && error.contains(range), "{flag}: {error}");
    }
    // More than there are rows is one batch.
    desk.cae("train --data table.csv --hidden 2 --epochs 1 --batch-size 4294967295 --out run --quiet")
        .assert()
        .success();
    assert!(desk.refused("resume run --threads 10000", 2).contains("from 1 to 1024"));
    for flag in ["--threads 10000", "--threads 0"] {
        desk.refused(&format!("evaluate run {flag}"), 2);
    }
}

#[test]
fn flags_go_over_the_file_and_the_file_over_the_recipe() {
    let desk = Desk::new();
    desk.write("mine.toml", "[model]\nhidden = [3]\n[training]\nepochs = 2\nlearning_rate = 0.05\n");
    let config = resolved(&desk, "mnist-sigmoid --data table.csv --config mine.toml --epochs 1");
    assert_eq!(config["training"]["epochs"].as_integer(), Some(1), "the flag");
    assert_eq!(config["training"]["learning_rate"].as_float(), Some(0.05), "the file");
    assert_eq!(config["training"]["batch_size"].as_integer(), Some(100), "the recipe");
    assert_eq!(config["model"]["tied"].as_bool(), Some(true), "the recipe");
    assert_eq!(config["recipe"].as_str(), Some("mnist-sigmoid"));
}

#[test]
fn data_without_a_recipe_start_from_the_defaults() {
    let config = resolved(&Desk::new(), "--data table.csv --epochs 1");
    assert_eq!(config["objective"]["loss"].as_str(), Some("mse"));
    assert_eq!(config["data"]["scale"].as_str(), Some("standard"));
    assert!(config.get("recipe").is_none());
}

#[test]
fn every_flag_reaches_the_configuration() {
    let config = resolved(
        &Desk::new(),
        "--data table.csv --rows 30 --validation 0.2 --scale minmax --hidden 4,2 --decoder 5 --activation relu \
         --decoder-activation elu --code-activation sigmoid --output-activation sigmoid --loss bce --penalty projection --probes 2 \
         --distribution spherical --contraction 0.01 --noise masking:0.1 --sparsity 0.1:0.2 --epochs 1 --batch-size 8 \
         --optimiser adamw --weight-decay 0.01 --learning-rate 0.002 --schedule step:5:0.5 --clip 2 \
         --initialisation glorot_uniform --patience 4 --seed 9 --threads 1 --set training.shuffle=false",
    );
    let expected: toml::Table = r#"
        [data]
        spec = "table.csv"
        rows = 30
        validation = 0.2
        scale = "minmax"
        [model]
        hidden = [4, 2]
        decoder = [5]
        hidden_activation = "relu"
        decoder_activation = "elu"
        code_activation = "sigmoid"
        output_activation = "sigmoid"
        tied = false
        [objective]
        loss = "bce"
        contraction = 0.01
        penalty = { kind = "projection", probes = 2, distribution = "spherical" }
        noise = { kind = "masking", share = 0.1 }
        sparsity = { target = 0.1, weight = 0.2 }
        [training]
        epochs = 1
        batch_size = 8
        learning_rate = 0.002
        clip = 2.0
        initialisation = "glorot_uniform"
        seed = 9
        threads = 1
        shuffle = false
        keep_last_partial_batch = true
        optimiser = { kind = "adamw", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01 }
        schedule = { kind = "step", every = 5, factor = 0.5 }
        early_stopping = { patience = 4, min_delta = 0.0 }
    "#
    .parse()
    .unwrap();
    assert_eq!(config, expected);
}

#[test]
fn unknown_keys_and_wrong_values_are_named_with_their_place() {
    let desk = Desk::new();
    desk.write("mine.toml", "[training]\nepochs = 2\nlearning_rat = 0.05\n");
    let error = desk.refused("train --config mine.toml", 2);
    for text in ["mine.toml", "line 3", "training.learning_rat", "did you mean `learning_rate`?"] {
        assert!(error.contains(text), "{text} in {error}");
    }
    assert!(desk.refused("train --set training.epochz=3", 2).contains("did you mean `epochs`?"));
    desk.write("broken.toml", "[training\n");
    assert!(desk.refused("train --config broken.toml", 2).contains("line 1"));
    assert!(desk.refused("train --config absent.toml", 1).contains("absent.toml"));
    desk.write("other.toml", "[objective]\n\npenalty = { kind = \"jacobian\", probes = 3 }\n");
    for (flags, place) in [
        ("--config other.toml", "other.toml, line 3"),
        ("--penalty jacobian --probes 3", "the command line"),
        ("--set objective.penalty.probes=3", "the command line"),
    ] {
        let error = desk.refused(&format!("train {flags}"), 2);
        for text in [place, "`objective.penalty.probes`", "the penalty `jacobian` has no setting `probes`"] {
            assert!(error.contains(text), "{text} in {error}");
        }
    }
    assert!(
        desk.refused("train --data absent.csv --set training.schedule.floor=0.1", 2)
            .contains("`constant` has no setting `floor`")
    );
    assert!(desk.refused("train --set training.optimiser.momentum=0.5", 2).contains("momentum"));
}

#[test]
fn numbers_outside_their_range_are_refused_before_any_work() {
    let desk = Desk::new();
    for (flags, name) in [
        ("--contraction -1", "contraction"),
        ("--contraction nan", "contraction"),
        ("--learning-rate 0", "learning_rate"),
        ("--learning-rate inf", "learning_rate"),
        ("--epochs 0", "epochs"),
        ("--validation 1", "validation"),
        ("--batch-size 0", "batch_size"),
        ("--penalty projection --probes 0", "probes"),
        ("--penalty finite_difference --epsilon -1", "epsilon"),
        ("--noise gaussian:nan", "sigma"),
        ("--clip -1", "clip"),
        ("--threads 0", "threads"),
    ] {
        let error = desk.refused(&format!("train {flags}"), 2);
        assert!(error.contains(name) && error.contains("must be"), "{flags}: {error}");
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn a_wide_code_is_trained_by_probes_and_judged_exactly() {
    let desk = Desk::new();
    let value = |i: usize, j: usize| ((i * (j % 7 + 1)) as f64 * 0.13 + j as f64).sin();
    let rows: Vec<String> =
        (0..60).map(|i| (0..300).map(|j| format!("{:.3}", value(i, j))).collect::<Vec<_>>().join(",")).collect();
    let header: Vec<String> = (0..300).map(|j| format!("x{j}")).collect();
    desk.write("wide.csv", format!("{}\n{}\n", header.join(","), rows.join("\n")));
    let words = "--data wide.csv --hidden 200,100,80 --epochs 2 --validation 0.2 --threads 1 --no-report";
    let said = desk.cae(&format!("train {words} --out run")).assert().success().get_output().clone();
    let said = String::from_utf8(said.stdout).unwrap() + &String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("auto: a probe a row adds") && said.contains("more than 8"), "{said}");
    let config = desk.text("run/config.toml");
    assert!(config.contains("penalty_reason") && config.contains("kind = \"projection\""), "{config}");
    for line in desk.text("run/metrics.jsonl").lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let terms = &record["validation"];
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        assert_eq!(terms["penalty"], record["jacobian_square"]);
        assert_ne!(record["train"]["penalty"], record["jacobian_square"]);
        let total = number(&terms["reconstruction"]) + 1e-3 * number(&terms["penalty"]);
        assert!((number(&terms["total"]) - total).abs() < 1e-12 * total, "{terms}");
    }
    desk.cae("resume run --epochs 3 -q --threads 1").assert().success();
    desk.cae(&format!("train {words} --penalty jacobian -q --out exact")).assert().success();
    assert!(!desk.text("exact/config.toml").contains("penalty_reason"));
    assert!(
        desk.refused(&format!("train {words} --probes 3"), 2).contains("the penalty `auto` has no setting `probes`")
    );
}
