//! Several runs in one command: what they leave, that they go on, and what is refused.

use crate::support::{Desk, names_in, untimed};
use serde_json::Value;

fn results(desk: &Desk, folder: &str) -> Value {
    serde_json::from_str(&desk.text(&format!("{folder}/results.json"))).unwrap()
}

#[test]
fn several_values_are_trained_and_compared_and_the_same_command_keeps_them() {
    let desk = Desk::new();
    let train = "train --rows 200 --hidden 8 --epochs 2 --lambda 0,1 --seeds 2 --seed 3";
    let output = desk.cae(train).assert().success().get_output().clone();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for text in ["contraction 0, 1; seed 3, 4", "[4/4]"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    for text in ["contraction  runs", "±", " *", "standard deviation over the seeds", "report.html", "cae report runs/"]
    {
        assert!(said.contains(text), "{text} in {said}");
    }
    let folder = "runs/strokes-by-contraction-seed";
    let runs = ["contraction=0,seed=3", "contraction=0,seed=4", "contraction=1,seed=3", "contraction=1,seed=4"];
    let names = names_in(&desk.path(folder));
    assert_eq!(names[..4], runs);
    assert_eq!(names[4..], ["report.html", "results.json", "runs.csv", "sweep.lock", "sweep.toml", "table.csv"]);
    let table = desk.text(&format!("{folder}/table.csv"));
    assert!(table.starts_with("contraction,runs,diverged,validation,validation_deviation,test,"), "{table}");
    assert_eq!((table.lines().count(), desk.text(&format!("{folder}/runs.csv")).lines().count()), (3, 5));
    let all = results(&desk, folder);
    assert_eq!((all["table"].as_array().unwrap().len(), &all["runs"][2]["settings"]["contraction"]), (2, &"1".into()));
    let mean = |i: usize| all["runs"][i]["best"]["validation"]["reconstruction"].as_f64().unwrap();
    let validation = &all["table"][0]["values"]["validation"];
    assert!((validation["mean"].as_f64().unwrap() - (mean(0) + mean(1)) / 2.0).abs() < 1e-9);
    let deviation = (mean(0) - mean(1)).abs() / 2.0_f64.sqrt();
    assert!((validation["deviation"].as_f64().unwrap() - deviation).abs() < 1e-9);
    // The page calls runs by what differs; seeds beside each other would not be read.
    let page = desk.text(&format!("{folder}/report.html"));
    assert!(page.contains("contraction = 0 and contraction = 1</title>") && !page.contains("seed = 4"));

    // A run of several is the run that it is alone.
    desk.cae("train --rows 200 --hidden 8 --epochs 2 --contraction 1 --seed 4 --out alone --quiet").assert().success();
    let config = desk.text("alone/config.toml");
    assert_eq!(desk.text(&format!("{folder}/{}/config.toml", runs[3])), config);
    let model = |run: &str| desk.read(&format!("{run}/model/model.safetensors"));
    assert!(model("alone") == model(&format!("{folder}/{}", runs[3])));

    // Again: nothing is trained, and the table is the same.
    let before = desk.text(&format!("{folder}/runs.csv"));
    let again = desk.cae(train).assert().success().get_output().clone();
    assert!(String::from_utf8(again.stderr).unwrap().contains("4 are done already"));
    assert_eq!((String::from_utf8(again.stdout).unwrap(), desk.text(&format!("{folder}/runs.csv"))), (said, before));
    // Other settings go beside them.
    desk.cae(&format!("{train} --batch-size 16 --no-report --quiet")).assert().success().stdout("");
    assert!(
        desk.path(&format!("{folder}-2/sweep.toml")).exists()
            && !desk.path(&format!("{folder}-2/report.html")).exists()
    );
}

#[test]
fn networks_words_and_any_key_may_have_several_values() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    let flags = "--hidden 4 --hidden 5,2 --activation tanh,relu --set training.batch_size=16,32 --epochs 1 --jobs 3";
    let lines = desk.stdout(&format!("train --data table.csv {flags} --out all --json --no-report"));
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((of("sweep"), of("epoch"), of("run"), of("end")), (1, 8, 8, 1));
    assert_eq!((&events[0]["at_once"], &events[0]["runs"]), (&3.into(), &8.into()));
    let end = events.last().unwrap();
    assert_eq!((&end["end"], end["table"].as_array().unwrap().len()), (&"finished".into(), 8));
    assert_eq!(end["settings"], serde_json::json!(["hidden", "activation", "batch_size"]));
    let config = desk.text("all/hidden=5-2,activation=relu,batch_size=32/config.toml");
    assert!(config.contains("batch_size = 32") && config.contains("hidden_activation = \"relu\""), "{config}");
    // One seed each: no deviations.
    let table = desk.text("all/table.csv");
    assert!(table.contains("validation_deviation") && table.lines().nth(1).unwrap().contains(",,"), "{table}");
}

#[test]
fn a_run_that_diverges_or_fails_does_not_end_the_others() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    let flags = "--data table.csv --hidden 4 --activation relu --code-activation relu --optimiser sgd --epochs 2";
    let output = desk.cae(&format!("train {flags} --learning-rate 1e39,0.01 --out some")).assert().success();
    let output = output.get_output().clone();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(shown.contains("diverged in epoch 1, step 1") && said.contains("1 run diverged"), "{said}{shown}");
    let table = desk.text("some/table.csv");
    assert!(table.lines().nth(1).unwrap().starts_with("1e39,0,1,") && table.contains("\n0.01,1,0,"), "{table}");
    assert_eq!(results(&desk, "some")["runs"][0]["state"], "diverged");
    // It is not tried again.
    desk.cae("resume some").assert().success().stderr(predicates::str::contains("2 are done already"));
    // Where none ends well, the command has failed.
    assert!(
        desk.refused(&format!("train {flags} --learning-rate 1e38,1e39 --out none"), 4).contains("every run diverged")
    );
    // A run that cannot be trained is told of at the end, after the others.
    let said = desk.refused(
        &format!("train {flags} --batch-size 16,1000 --set training.keep_last_partial_batch=false --out bad"),
        2,
    );
    assert!(said.contains("1 of 2 runs failed") && said.contains("--batch-size"), "{said}");
    let states: Vec<Value> =
        results(&desk, "bad")["runs"].as_array().unwrap().iter().map(|r| r["state"].clone()).collect();
    assert_eq!(states, ["finished", "failed"]);
}

#[test]
fn what_is_no_sweep_is_refused() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    let quick = "train --data table.csv --hidden 4 --epochs 1 --no-report --quiet";
    desk.cae(&format!("{quick} --lambda 0,1 --out taken")).assert().success();
    desk.cae(&format!("{quick} --out run")).assert().success();
    for (command, text) in [
        ("--lambda 1,1 --out x", "twice"),
        ("--seeds 3 --seed 1,2 --out x", "--seeds"),
        ("--seeds 101 --out x", "--yes"),
        ("--seeds 0 --out x", "--seeds"),
        ("--lambda 0,-1 --out x", "contraction"),
        ("--lambda 0,2 --out taken", "another sweep"),
        ("--lambda 0,2 --out run", "exists and is not empty"),
        ("--detector --lambda 0,2 --out x", "one"),
        ("--detector --seeds 2 --out x", "--seeds"),
    ] {
        let quick = if command.starts_with("--detector") { "train --data table.csv" } else { quick };
        let said = desk.refused(&format!("{quick} {command}"), 2);
        assert!(said.contains(text), "{command}: {said}");
    }
    assert!(!desk.path("x").exists());
    assert!(desk.refused("resume taken --epochs 3", 2).contains("one of them"));
    desk.write("taken/sweep.toml", "runs = 3");
    assert!(desk.refused("resume taken", 2).contains("sweep.toml"));
    // One value is one run; and its bits do not depend on what it is given by.
    desk.cae(&format!("{quick} --lambda 1 --seeds 1 --out one")).assert().success();
    assert!(desk.path("one/model").exists());
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_stopped_or_killed_goes_on_to_the_same_bits() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    const TRAIN: &str = "train --data table.csv --hidden 16,4 --batch-size 16 --epochs 60 --contraction 0,0.1,1,10 --seeds 2 \
                         --jobs 2 --no-report --out";
    let desk = Desk::new();
    desk.table("table.csv", 600, 12);
    desk.cae(&format!("{TRAIN} whole --quiet")).assert().success();
    let started = |out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cae"));
        command.current_dir(desk.path("")).args(TRAIN.split_whitespace()).arg(out);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("[1/8]") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the sweep ended before its first run");
        }
        (child, lines)
    };
    let assert_same = |out: &str| {
        for run in names_in(&desk.path("whole")).iter().filter(|name| name.contains('=')) {
            let metrics = |folder: &str| untimed(&desk.text(&format!("{folder}/{run}/metrics.jsonl")));
            assert_eq!(metrics("whole"), metrics(out), "{run}");
            let model = |folder: &str| desk.read(&format!("{folder}/{run}/model/model.safetensors"));
            assert!(model("whole") == model(out), "{run}");
        }
    };

    let (mut child, mut lines) = started("stopped");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("cae resume stopped") && said.contains("of 8 runs done"), "{said}");
    let states =
        results(&desk, "stopped")["runs"].as_array().unwrap().iter().filter(|r| r["state"] == "unfinished").count();
    assert!((1..8).contains(&states), "{states}");
    desk.cae("resume stopped --quiet").assert().success();
    assert_same("stopped");

    let (mut child, _lines) = started("killed");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed, not ended");
    desk.cae(&format!("{TRAIN} killed --quiet")).assert().success();
    assert_same("killed");
}

#[test]
fn a_folder_that_another_process_works_on_is_refused_until_that_ends() {
    let desk = Desk::new();
    desk.table("table.csv", 600, 12);
    let train =
        "train --data table.csv --hidden 16,4 --batch-size 8 --epochs 400 --contraction 0,1 --no-report --out s";
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(train.split_whitespace()).arg("--quiet");
    let mut first = command.spawn().unwrap();
    let begun = || names_in(&desk.path("s")).iter().any(|name| name.starts_with("contraction="));
    while !(desk.path("s").is_dir() && begun()) {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for second in [train, "resume s"] {
        assert!(desk.refused(second, 2).contains("another process is training the runs in s"));
    }
    // However it ends, the folder is free again.
    first.kill().unwrap();
    first.wait().unwrap();
    let flags = "--data table.csv --hidden 16,4 --batch-size 8 --epochs 400 --contraction 0,1 --no-report";
    desk.refused(&format!("train {flags} --seeds 2 --out s"), 2);
    let held = std::fs::File::options().append(true).open(desk.path("s/sweep.lock")).unwrap();
    held.try_lock().unwrap();
}

#[test]
fn the_page_of_a_sweep_is_made_anew_from_its_runs() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    let quick = "train --data table.csv --hidden 4 --epochs 2 --quiet";
    desk.cae(&format!("{quick} --contraction 0,1 --out s")).assert().success();
    let page = desk.text("s/report.html");
    std::fs::remove_file(desk.path("s/report.html")).unwrap();
    assert_eq!(desk.stdout("report s"), "s/report.html\n");
    assert_eq!(desk.text("s/report.html"), page);
    assert_eq!(desk.stdout("report s -o page.html --threads 1"), "page.html\n");
    assert_eq!(desk.text("page.html"), page);
    assert!(desk.refused("report s s/contraction=0", 2).contains("name it alone"));
    std::fs::remove_dir_all(desk.path("s/contraction=0")).unwrap();
    let said = desk.refused("report s", 2);
    assert!(said.contains("s has 1 such run") && said.contains("cae resume s"), "{said}");
}
