//! Launches that did not make one world are refused, and so is what several ranks do not do.

use crate::world::{Job, said};

#[test]
fn a_world_of_another_size_than_asked_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = Job::new(2, folder.path(), "--ranks 3 train --epochs 1 --out r").run();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("`--ranks` is 3, and this process is one of 2"), "{}", said(&output));
    let output = Job::new(1, folder.path(), "--ranks 2 train --epochs 1 --out r").run();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!folder.path().join("r").exists());
}

#[test]
fn the_mpirun_of_another_family_is_refused_without_being_asked() {
    let Ok(other) = std::env::var("CONTRACTIVE_OTHER_MPIRUN") else {
        println!("skipped: $CONTRACTIVE_OTHER_MPIRUN names no mpirun of another family");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = Job::under(&other, 2, folder.path(), "train --epochs 1 --out r").run();
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert_eq!(said.matches("this one is in a world of 1").count(), 1, "{said}");
    assert!(!folder.path().join("r").exists());
}

#[test]
fn what_one_process_does_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    for (words, remedy) in [
        ("evaluate runs/x", "`cae evaluate` does it"),
        ("detect d --data t.csv -o scores.csv", "-o with {rank} in it"),
        ("train --contraction 0,1 --epochs 1", "several runs are for `cae train`"),
        ("train --data t.csv --stream", "cannot be trained on by several ranks"),
    ] {
        std::fs::write(folder.path().join("t.csv"), "a,b\n1,2\n3,4\n").unwrap();
        let output = Job::new(2, folder.path(), words).run();
        assert_eq!(output.status.code(), Some(2), "{words}: {}", said(&output));
        assert_eq!(said(&output).matches(remedy).count(), 1, "{words}: {}", said(&output));
    }
}

#[test]
fn the_help_needs_no_mpirun_and_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let output = Job::new(1, folder.path(), "--help").run();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("mpirun -n 4 cae-mpi"), "{text}");
    let output = Job::new(2, folder.path(), "train --no-such-flag").run();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(said(&output).matches("unexpected argument").count(), 1, "{}", said(&output));
}

#[test]
fn exchanges_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let output = Job::new(2, folder.path(), "bench --numbers 1,2000000 --seconds 0.05 --json").run();
    assert!(output.status.success(), "{}", said(&output));
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["ranks"], &lines[1]["bytes"]), (&2.into(), &16_000_000.into()));
    assert!(lines[1]["seconds"].as_f64().unwrap() > lines[0]["seconds"].as_f64().unwrap());
}
