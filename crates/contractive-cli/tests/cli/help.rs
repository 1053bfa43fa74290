//! Help and version: what a new user meets first.

use crate::support::Desk;
use predicates::prelude::*;

const SUBCOMMANDS: [&str; 18] = [
    "train",
    "resume",
    "compare",
    "evaluate",
    "detect",
    "threshold",
    "drift",
    "encode",
    "reconstruct",
    "inspect",
    "import",
    "recipes",
    "data",
    "glossary",
    "bench",
    "report",
    "completions",
    "man",
];

#[test]
fn the_version_is_printed() {
    assert_eq!(Desk::new().stdout("--version"), concat!("cae ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn help_names_every_subcommand_and_the_exit_codes() {
    let help = Desk::new().stdout("--help");
    for name in SUBCOMMANDS {
        assert!(help.contains(&format!("\n  {name} ")), "{name} in {help}");
    }
    assert!(help.contains("3 bad data") && help.contains("4 training diverged"), "{help}");
}

#[test]
fn each_subcommand_has_examples_in_its_help() {
    let desk = Desk::new();
    for name in SUBCOMMANDS {
        let help = desk.stdout(&format!("{name} --help"));
        assert!(help.contains("Examples:") && help.contains(&format!("cae {name} ")), "{help}");
    }
}

#[test]
fn training_help_states_words_units_and_defaults() {
    let help = Desk::new().stdout("train --help");
    for text in [
        "cross_entropy",
        "salt_pepper:SHARE",
        "leaky_relu",
        "[default: 0.001]",
        "--lambda",
        "--seeds",
        "Network:",
        "Objective:",
    ] {
        assert!(help.contains(text), "{text} in {help}");
    }
}

#[test]
fn the_stated_defaults_are_those_of_the_toolkit() {
    let desk = Desk::new();
    let help = desk.stdout("train --help");
    let defaults = contractive::TrainConfig::default();
    let hidden: Vec<String> = defaults.model.hidden.iter().map(usize::to_string).collect();
    let (training, objective) = (&defaults.training, &defaults.objective);
    for (flag, default) in [
        ("--hidden", hidden.join(",")),
        ("--activation", defaults.model.hidden_activation.to_string()),
        ("--validation", defaults.data.validation.to_string()),
        ("--loss", objective.loss.to_string()),
        ("--contraction", objective.contraction.to_string()),
        ("--epochs", "auto".to_owned()),
        ("--batch-size", training.batch_size.to_string()),
        ("--learning-rate", training.learning_rate.to_string()),
        ("--optimiser", training.optimiser.name().to_owned()),
        ("--initialisation", training.initialisation.name().to_owned()),
    ] {
        let from = help.find(&format!("{flag} <")).unwrap_or_else(|| panic!("{flag} in {help}"));
        let entry = &help[from..];
        let entry = &entry[..entry.find("\n\n").unwrap_or(entry.len())];
        let entry = entry.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(entry.contains(&format!("[default: {default}]")), "{flag}: {entry}");
    }
}

#[test]
fn no_words_and_wrong_words_are_usage_errors() {
    let desk = Desk::new();
    desk.cae("").assert().code(2).stderr(predicate::str::contains("Usage"));
    desk.cae("trian").assert().code(2).stderr(predicate::str::contains("train"));
    desk.cae("train --activation rlu").assert().code(2).stderr(predicate::str::contains("relu"));
}

#[test]
fn nothing_is_coloured_where_it_is_not_a_terminal() {
    let output = Desk::new().cae("train nothing").env("NO_COLOR", "1").assert().code(2).get_output().clone();
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn completions_and_man_pages_know_every_subcommand() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = desk.stdout(&format!("completions {shell}"));
        assert!(SUBCOMMANDS.iter().all(|name| text.contains(name)) && text.contains("contraction"), "{shell}");
    }
    let page = desk.stdout("man");
    assert!(page.starts_with(".ie") || page.contains(".TH cae 1"), "{page}");
    desk.cae("man --into pages").assert().success();
    for name in SUBCOMMANDS {
        let page = desk.text(&format!("pages/cae-{name}.1"));
        assert!(page.contains(&format!(".TH cae-{name} 1")) && page.contains(".SH OPTIONS"), "{name}: {page}");
    }
}

#[test]
fn prose_of_a_help_is_wrapped_once() {
    let desk = Desk::new();
    let lines = |columns: &str| {
        let output = desk.cae("detect --help").env("COLUMNS", columns).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let narrow = lines("60");
    let from = narrow.iter().position(|line| line.starts_with("Columns of the output:")).unwrap();
    let to = from + narrow[from..].iter().position(String::is_empty).unwrap();
    // Every line but the last is filled: the next word would not have had room.
    for pair in narrow[from..to].windows(2) {
        let next = pair[1].split(' ').next().unwrap();
        assert!(pair[0].len() + 1 + next.len() > 60, "{pair:?}");
    }
}

#[test]
fn the_glossary_says_what_words_mean_and_is_the_page_of_the_docs() {
    let desk = Desk::new();
    assert!(desk.stdout("glossary dead units").starts_with("dead unit: A unit that gives the same number"));
    assert!(desk.stdout("glossary").lines().count() > 15);
    desk.cae("glossary nothing").assert().code(2).stderr(predicate::str::contains("local dimension"));
    let written = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/glossary.md");
    let written = std::fs::read_to_string(written).unwrap();
    assert!(desk.stdout("glossary --markdown") == written, "cae glossary --markdown > docs/glossary.md");
}
