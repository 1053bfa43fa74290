use super::*;

fn layer(text: &str) -> Layer {
    Layer::from_text("run.toml", text).unwrap()
}

fn over_default(text: &str) -> Result<TrainConfig, ConfigError> {
    TrainConfig::from_toml("run.toml", text)
}

#[test]
fn later_layers_win_and_the_rest_stays() {
    let file = layer("[model]\nhidden = [8, 4]\ntied = true\n[training]\nepochs = 7\nseed = 3\n");
    let flags = layer("training.epochs = 9\nobjective.contraction = 0.5\n");
    let config = TrainConfig::layered(&TrainConfig::default(), &[file, flags]).unwrap();
    assert_eq!((config.training.epochs, config.training.seed), (Some(9), 3));
    assert_eq!((config.model.hidden, config.model.tied), (vec![8, 4], true));
    assert_eq!(config.objective.contraction, 0.5);
    assert_eq!(config.training.batch_size, TrainConfig::default().training.batch_size);
}

#[test]
fn a_table_of_another_kind_is_replaced_and_of_the_same_kind_merged() {
    let base = over_default("[training]\noptimiser = { kind = \"adam\", beta1 = 0.5, weight_decay = 0.1 }").unwrap();
    let same = TrainConfig::layered(&base, &[layer("training.optimiser.beta2 = 0.9")]).unwrap();
    assert_eq!(same.training.optimiser, Optimiser::Adam { beta1: 0.5, beta2: 0.9, epsilon: 1e-8, weight_decay: 0.1 });
    for text in ["training.optimiser = \"adamw\"", "training.optimiser.kind = \"adamw\""] {
        let other = TrainConfig::layered(&base, &[layer(text)]).unwrap();
        assert_eq!(
            other.training.optimiser,
            Optimiser::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
        );
    }
}

#[test]
fn words_unset_optional_settings_and_a_new_encoder_drops_the_old_decoder() {
    let text = "[data]\nrows = 5\nscale = \"minmax\"\n[model]\ndecoder = [3]\noutput_activation = \"tanh\"\n\
                decoder_activation = \"relu\"\n\
                [objective]\nnoise = { kind = \"gaussian\", sigma = 0.1 }\n[training]\nclip = 1.0\nearly_stopping = {}\n";
    let base = over_default(text).unwrap();
    assert_eq!(base.training.early_stopping, Some(EarlyStopping { patience: None, min_delta: 0.0 }));
    let unset = "data.rows = \"none\"\ndata.scale = \"auto\"\nmodel.decoder = \"none\"\n\
                 model.output_activation = \"auto\"\nmodel.decoder_activation = \"auto\"\nobjective.noise = \"none\"\ntraining.clip = \"none\"\n\
                 training.early_stopping = \"none\"\n";
    assert_eq!(TrainConfig::layered(&base, &[layer(unset)]).unwrap(), TrainConfig::stated());
    let hidden = TrainConfig::layered(&base, &[layer("model.hidden = [9, 2]")]).unwrap();
    assert_eq!(hidden.model.decoder, None);
}

#[test]
fn the_decoder_takes_the_encoders_activation_unless_it_has_its_own() {
    use Activation::{Identity, Relu, Tanh};
    for (own, between) in [("", Tanh), ("decoder_activation = \"relu\"", Relu)] {
        for (decoder, n) in [("", 1), ("decoder = [5, 6]", 2)] {
            let config = over_default(&format!("[model]\nhidden = [4, 2]\n{decoder}\n{own}\n")).unwrap();
            let architecture = config.architecture(7);
            architecture.check().unwrap();
            assert_eq!(architecture.encoder_activations, [Tanh, Tanh]);
            assert_eq!(architecture.decoder_activations, [vec![between; n], vec![Identity]].concat());
        }
    }
}

#[test]
fn unknown_keys_name_the_file_the_line_and_the_nearest_key() {
    let error = over_default("[training]\nepochs = 3\n\nbatchsize = 4\n").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("run.toml, line 4: unknown key `training.batchsize` (did you mean `batch_size`?); the keys"),
        "{text}"
    );
    let text = over_default("epochs = 3\n").unwrap_err().to_string();
    assert!(text.starts_with("run.toml, line 1: unknown key `epochs`; the keys here are"), "{text}");
    let text = over_default("[training.optimiser]\nkind = \"adam\"\nbeta3 = 1\n").unwrap_err().to_string();
    assert!(text.contains("line 3: unknown key `training.optimiser.beta3` (did you mean `beta1`?)"), "{text}");
}

#[test]
fn settings_that_the_kind_does_not_have_are_refused_with_their_place() {
    for (text, key, reason) in [
        (
            "[objective]\npenalty = { kind = \"jacobian\", probes = 3 }",
            "objective.penalty.probes",
            "the penalty `jacobian` has no setting `probes`",
        ),
        ("[objective.penalty]\nprobes = 3", "objective.penalty.probes", "`auto` has no setting `probes`"),
        (
            "[objective]\npenalty = { kind = \"none\", sigma = 0.1 }",
            "objective.penalty.sigma",
            "the penalty `none` has no setting `sigma`",
        ),
        (
            "[training]\nschedule = { kind = \"constant\", floor = 0.1 }",
            "training.schedule.floor",
            "the schedule `constant` has no setting `floor`",
        ),
        ("[training.schedule]\nevery = 2", "training.schedule.every", "`constant` has no setting `every`"),
    ] {
        let error = over_default(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("run.toml, line 2: unknown key `{key}`: ")), "{error}");
        assert!(error.contains(reason), "{error}");
    }
    for (text, key) in [
        ("[objective]\nnoise = { kind = \"gaussian\", sigma = 0.1, share = 0.2 }", "objective.noise.share"),
        ("[training]\noptimiser = { kind = \"sgd\", momentum = 0.9 }", "training.optimiser.momentum"),
    ] {
        let error = over_default(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("run.toml, line 2: unknown key `{key}`")), "{error}");
    }
    // A kind set above does not bring back what a layer below asked of another.
    let layers = [layer("objective.penalty.probes = 3"), layer("objective.penalty = \"projection\"")];
    assert!(TrainConfig::layered(&TrainConfig::default(), &layers).is_err());
    let projection = over_default("[objective]\npenalty = { kind = \"projection\", probes = 3 }").unwrap();
    assert!(TrainConfig::layered(&projection, &[layer("objective.penalty = \"jacobian\"")]).is_ok());
}

#[test]
fn wrong_values_name_the_key_and_the_layer_at_fault() {
    let text = over_default("[model]\nhidden_activation = \"rellu\"\n").unwrap_err().to_string();
    assert!(text.contains("run.toml, line 2: `model.hidden_activation`: unknown variant `rellu`"), "{text}");
    assert!(text.contains("did you mean `relu`?"), "{text}");
    let text = over_default("[training]\nepochs = -1\n").unwrap_err().to_string();
    assert!(text.contains("line 2: `training.epochs`"), "{text}");
    let good = layer("training.epochs = 3");
    let mut flags = toml::Table::new();
    flags.insert("training".into(), toml::Value::Table(toml::Table::from_iter([("epochs".into(), "x".into())])));
    let flags = Layer::from_table("the command line", flags);
    let text = TrainConfig::layered(&TrainConfig::default(), &[good, flags]).unwrap_err().to_string();
    assert!(text.starts_with("the command line: `training.epochs`"), "{text}");
    let text = Layer::from_text("run.toml", "[a]\nb = \n").unwrap_err().to_string();
    assert!(text.starts_with("run.toml, line 2 is not valid TOML"), "{text}");
}

#[test]
fn every_range_is_checked_and_nan_fails() {
    assert!(TrainConfig::default().check().is_ok());
    for text in [
        "objective.contraction = nan",
        "objective.contraction = -0.1",
        "objective.contraction = inf",
        "training.learning_rate = nan",
        "training.learning_rate = 0.0",
        "training.epochs = 0",
        "training.batch_size = 0",
        "training.clip = nan",
        "training.threads = 0",
        "training.optimiser = { kind = \"adam\", beta1 = nan }",
        "training.schedule = { kind = \"step\", every = 0, factor = 0.5 }",
        "training.early_stopping = { min_delta = nan }",
        "training.early_stopping = { patience = 0 }",
        "data.validation = nan",
        "data.validation = 1.0",
        "data.rows = 0",
        "model.hidden = []",
        "model.hidden = [0]",
        "model = { hidden = [5, 3], decoder = [4], tied = true }",
        "objective.noise = { kind = \"masking\", share = nan }",
        "objective.sparsity = { target = 0.1, weight = 1.0 }",
        "model.output_activation = \"relu\"\nobjective.loss = \"bce\"",
        "objective.penalty = { kind = \"hessian\", sigma = nan }",
    ] {
        assert!(over_default(text).unwrap().check().is_err(), "{text}");
    }
}

#[test]
fn a_resolved_configuration_reads_back_as_it_was() {
    let data = Dataset::from_f32("t.csv", 3, vec![0.5; 12]).unwrap();
    for (loss, scale, output) in
        [("mse", Scale::Standard, Activation::Identity), ("bce", Scale::Minmax, Activation::Sigmoid)]
    {
        let mut config = over_default(&format!("objective.loss = \"{loss}\"\ntraining.clip = 0.1")).unwrap();
        config.resolve(&data, data.len());
        assert_eq!((config.data.scale, config.model.output_activation), (Some(scale), Some(output)));
        assert_eq!(over_default(&config.to_toml().unwrap()).unwrap(), config);
    }
    let images = Dataset::from_u8_images("i", 2, 2, vec![7; 8]).unwrap();
    let mut config = TrainConfig::default();
    config.resolve(&images, images.len());
    assert_eq!(config.data.scale, Some(Scale::None));
}

#[test]
fn an_explicit_decoder_takes_its_place_between_code_and_output() {
    let config = over_default("model.hidden = [8, 3]\nmodel.decoder = [5, 6]").unwrap();
    let net = config.architecture(10);
    assert_eq!(net.decoder_sizes, [3, 5, 6, 10]);
    assert_eq!(net.check(), Ok(()));
}

#[test]
fn a_stream_cannot_be_scaled_by_quantiles() {
    for scale in ["robust", "quantile"] {
        let error = over_default(&format!("[data]\nspec = \"table.csv\"\nstream = true\nscale = \"{scale}\""))
            .and_then(|c| c.check().map(|()| c));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("quantiles") && text.contains(scale) && text.contains("standard"), "{text}");
    }
}

#[test]
fn a_penalty_left_to_the_data_is_chosen_by_its_cost_and_the_reason_kept() {
    let data = |d: usize| Dataset::from_f32("rows", d, vec![0.5; 4 * d]).unwrap();
    let chosen = |text: &str, d: usize| {
        let mut config = TrainConfig::from_toml("test", text).unwrap();
        config.resolve(&data(d), 1);
        config
    };
    let wide = "model.hidden = [200, 100, 80]";
    for text in [wide, "model.hidden = [200, 100, 80]\nobjective.penalty = \"auto\""] {
        let config = chosen(text, 300);
        assert!(matches!(config.objective.penalty, Some(Penalty::Projection { probes: 1, .. })));
        assert!(config.objective.penalty_reason.as_ref().unwrap().contains("more than 8"));
        // Written and read back it is the same, and another penalty takes the reason away.
        let again = TrainConfig::from_toml("run", &config.to_toml().unwrap()).unwrap();
        assert_eq!(again, config);
        let layer = Layer::from_text("flags", "objective.penalty = \"jacobian\"").unwrap();
        let exact = TrainConfig::layered(&config, &[layer]).unwrap().objective;
        assert_eq!((exact.penalty, exact.penalty_reason), (Some(Penalty::Jacobian), None));
    }
    let narrow = chosen("model.hidden = [64, 16]", 300);
    assert_eq!(narrow.objective.penalty, Some(Penalty::Jacobian));
    assert!(narrow.objective.penalty_reason.unwrap().starts_with("exact"));
    assert_eq!(chosen("objective.contraction = 0.0", 300).objective.penalty_reason, None, "no penalty takes part");
    let named = chosen(&format!("{wide}\nobjective.penalty = \"jacobian\""), 300);
    assert_eq!((named.objective.penalty, named.objective.penalty_reason), (Some(Penalty::Jacobian), None));
}

#[test]
fn a_small_table_is_trained_on_as_many_steps_as_it_needs() {
    let resolved = |text: &str, rows: usize| {
        let mut config = TrainConfig::from_toml("test", text).unwrap();
        config.resolve(&Dataset::from_f64("t", 1, vec![0.0; rows]).unwrap(), rows);
        (config.training.epochs, config.training.early_stopping.map(|rule| rule.patience()))
    };
    assert_eq!(resolved("", 180), (Some(1000), Some(100)), "two steps an epoch");
    assert_eq!(resolved("", 60_000), (Some(50), Some(10)));
    assert_eq!(resolved("training.epochs = 7", 180), (Some(7), Some(100)));
    assert_eq!(resolved("training.early_stopping = \"none\"", 180).1, None);
    assert_eq!(resolved("training.early_stopping.patience = 3", 180).1, Some(3));
    assert_eq!(resolved("data.validation = 0.0", 180).1, None, "nothing to judge by");
    assert_eq!(resolved("data.validation = 0.0\ntraining.early_stopping.patience = 3", 180).1, Some(3));
    // A recipe, or the configuration of a run made before, states what it does.
    assert!(crate::recipe::all().unwrap().iter().all(|recipe| recipe.config.training.early_stopping.is_none()));
    let mut config = TrainConfig::default();
    config.training.early_stopping = None;
    let stored = Layer::from_text("config.toml", config.to_toml().unwrap()).unwrap();
    assert_eq!(TrainConfig::layered(&TrainConfig::stated(), &[stored]).unwrap(), config);
    assert_eq!(TrainConfig::from_stated("stored", &config.to_toml().unwrap()).unwrap(), config);
}
