//! Ranks that fail, or are gone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{Job, Run, Running, said, wait_for};

/// What a job may take to end once one of its ranks is gone.
const SECONDS: Duration = Duration::from_secs(15);

fn write_table(folder: &Path) {
    for file in 0..4 {
        let row = |row: usize| {
            let x = (file * 50 + row) as f64;
            format!("{:.4},{:.4},{:.4}\n", (x * 0.3).sin(), (x * 0.7).cos(), x % 5.0)
        };
        let text: String = std::iter::once("a,b,c\n".to_owned()).chain((0..50).map(row)).collect();
        fs::write(folder.join(format!("t-{file}.csv")), text).unwrap();
    }
}

/// A run on two ranks that does not end by itself, once it has saved an epoch.
fn endless(folder: &Path) -> Running {
    write_table(folder);
    let flags =
        "--hidden 5,2 --epochs 1000000 --batch-size 20 --threads 1 --no-report --schedule constant --patience none";
    let job = Job::new(2, folder, &format!("train --data t-*.csv {flags} --out run")).start();
    let metrics = folder.join("run/metrics.jsonl");
    let saved = folder.join("run/checkpoints/last.safetensors");
    wait_for(Duration::from_secs(60), "a checkpoint", || {
        (saved.is_file() && fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 2)).then_some(())
    });
    job
}

#[test]
fn a_killed_rank_ends_the_job_and_resume_goes_on_with_another_number_of_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let job = endless(folder.path());
    let killed = Instant::now();
    Running::signal(job.rank(1), "-KILL");
    let (status, said) = job.end(SECONDS);
    assert!(!status.success(), "{said}");
    println!("ended {:?} after the kill: {status}", killed.elapsed());
    let run = Run(folder.path().join("run"));
    for ranks in [3, 1] {
        let done = run.metrics().len();
        Job::new(ranks, folder.path(), &format!("resume run --epochs {} --no-report --quiet", done + 4)).done();
        let epochs: Vec<u64> = run.metrics().iter().map(|epoch| epoch["epoch"].as_u64().unwrap()).collect();
        let (last, number) = (*epochs.last().unwrap(), epochs.len());
        assert_eq!((last, number), (done as u64 + 4, done + 4), "{ranks} ranks, {done} epochs before");
    }
    assert!(run.0.join("model/model.safetensors").is_file());
}

#[test]
fn a_run_that_is_stopped_and_resumed_on_other_ranks_is_that_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let flags = "train --data t-*.csv --hidden 5,2 --batch-size 20 --schedule constant --no-report --quiet --threads 1";
    Job::new(1, folder.path(), &format!("{flags} --epochs 6 --out whole")).done();
    Job::new(2, folder.path(), &format!("{flags} --epochs 2 --out parts")).done();
    Job::new(3, folder.path(), "resume parts --epochs 4 --no-report --quiet").done();
    Job::new(1, folder.path(), "resume parts --epochs 6 --no-report --quiet").done();
    let [whole, parts] = ["whole", "parts"].map(|name| Run(folder.path().join(name)));
    let difference = whole.difference(&parts);
    assert!(difference < 1e-5, "{difference:e}");
}

#[test]
fn a_request_to_end_to_any_rank_saves_and_stops_all() {
    let folder = tempfile::tempdir().unwrap();
    let job = endless(folder.path());
    Running::signal(job.rank(1), "-TERM");
    let (status, said) = job.end(Duration::from_secs(30));
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("everything is saved, to the very step"), "{said}");
    let done = Run(folder.path().join("run")).metrics().len();
    Job::new(2, folder.path(), &format!("resume run --epochs {} --no-report --quiet", done + 1)).done();
}

#[test]
fn a_bad_file_of_one_rank_ends_all_with_its_message_and_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let text = fs::read_to_string(folder.path().join("t-3.csv")).unwrap();
    fs::write(folder.path().join("t-3.csv"), text.replacen("\n0", "\noops", 1)).unwrap();
    let began = Instant::now();
    let output = Job::new(4, folder.path(), "train --data t-*.csv --hidden 5,2 --out run").run();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert!(said.contains("error: rank 3: t-3.csv line ") && said.contains("column `a`"), "{said}");
    assert!(began.elapsed() < SECONDS * 2 && !folder.path().join("run").exists());
}

#[test]
fn a_panic_of_one_rank_ends_all_with_its_message() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let job = Job::new(3, folder.path(), "train --data t-*.csv --hidden 5,2 --epochs 5 --threads 1 --out run");
    let job = job.env("CONTRACTIVE_MPI_PANIC", "2:60").start();
    let (status, said) = job.end(SECONDS * 2);
    assert_eq!(status.code(), Some(101), "{said}");
    assert!(said.contains("rank 2 panicked:") && said.contains("sum 60 of rank 2 was asked to panic"), "{said}");
}

#[test]
fn divergence_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let flags = "--optimiser sgd --learning-rate 1e30 --epochs 5 --threads 1 --no-report";
    let output = Job::new(3, folder.path(), &format!("train --data t-*.csv --hidden 5,2 {flags} --out run")).run();
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert_eq!(said(&output).matches("training diverged").count(), 1, "{}", said(&output));
    assert!(folder.path().join("run/divergence.json").is_file());
}
