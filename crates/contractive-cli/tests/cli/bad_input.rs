//! Files and settings that must be refused: with the right exit code, saying what is wrong, where, and the remedy.

use std::fs;

use crate::support::{Desk, idx, npy, table_text};

const IMAGES: u32 = 0x0803;

#[test]
fn damaged_idx() {
    let desk = Desk::new();
    let whole = idx(IMAGES, 10);
    desk.write("whole-ubyte", &whole);
    desk.cae("data info whole-ubyte").assert().success();
    desk.write("short-ubyte", &whole[..whole.len() - 1]);
    let error = desk.refused("train --data short-ubyte", 3);
    assert!(
        error.contains("short-ubyte is truncated") && error.contains("160 bytes") && error.contains("159"),
        "{error}"
    );
    desk.write("magic-ubyte", idx(0x1234_0803, 10));
    assert!(desk.refused("train --data magic-ubyte", 3).contains("must begin with"));
    desk.write("huge-ubyte", idx(IMAGES, 10)[..16].iter().map(|b| b | 0x70).collect::<Vec<u8>>());
    desk.refused("train --data huge-ubyte", 3);
    assert!(!desk.path("runs").exists());
}

#[test]
fn a_table_with_a_hole_or_text() {
    let desk = Desk::new();
    desk.write("hole.csv", "a,b,c\n1,2,3\n4,,6\n");
    let error = desk.refused("train --data hole.csv", 3);
    assert!(error.contains("hole.csv line 3, column `b`") && error.contains("a missing value"), "{error}");
    desk.write("text.csv", "a,b,c\n1,2,3\n4,five,6\n");
    let error = desk.refused("train --data text.csv", 3);
    assert!(error.contains("line 3, column `b`") && error.contains("`five`"), "{error}");
    desk.write("ragged.csv", "a,b,c\n1,2,3\n4,5\n");
    assert!(desk.refused("train --data ragged.csv", 3).contains("line 3"));
    desk.write("empty.csv", "");
    assert!(desk.refused("train --data empty.csv", 3).contains("empty"));
}

#[test]
fn nan_in_an_array() {
    let desk = Desk::new();
    desk.write("nan.npy", npy(2, &[1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN]));
    let error = desk.refused("train --data nan.npy", 3);
    assert!(error.contains("nan.npy row 1, column 2") && error.contains("NaN"), "{error}");
}

#[test]
fn rows_that_do_not_fit_the_model() {
    let desk = Desk::new();
    desk.trained();
    desk.table("narrow.csv", 10, 5);
    for command in ["evaluate run", "encode run -o x.csv", "reconstruct run -o x.csv", "inspect run"] {
        let error = desk.refused(&format!("{command} --data narrow.csv"), 3);
        assert!(error.contains("narrow.csv has 5 columns, the model was trained on 6"), "{command}: {error}");
    }
    assert!(!desk.path("x.csv").exists());
    desk.write("renamed.csv", table_text(10, 6).replacen('c', "z", 1));
    let error = desk.refused("evaluate run --data renamed.csv", 3);
    assert!(error.contains("missing c") && error.contains("unexpected z"), "{error}");
}

#[test]
fn values_outside_the_unit_interval_with_a_cross_entropy() {
    let desk = Desk::new();
    desk.write("wide.csv", table_text(30, 4).replacen("0.", "7.", 1));
    for loss in ["bce", "cross_entropy"] {
        let error = desk.refused(&format!("train --data wide.csv --loss {loss} --scale none"), 3);
        assert!(error.contains("between 0 and 1") && error.contains("--scale minmax"), "{error}");
    }
    desk.cae("train --data wide.csv --loss bce --epochs 1 --hidden 2 --quiet").assert().success();
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_work() {
    let desk = Desk::new();
    desk.trained();
    // Data that do not exist would be the next error: the output is looked at first.
    for command in ["encode run -o absent/x.npy", "reconstruct run -o table.csv/x.csv", "evaluate run -o absent/x.json"]
    {
        let error = desk.refused(&format!("{command} --data absent.csv"), 1);
        assert!(error.contains("cannot write"), "{command}: {error}");
    }
    let error = desk.refused("train --data absent.csv --out table.csv/run", 1);
    assert!(error.contains("cannot write") && error.contains("table.csv/run"), "{error}");
    let error = desk.refused("train --data absent.csv --out run", 2);
    assert!(error.contains("not empty") && error.contains("cae resume"), "{error}");
    assert!(desk.refused("encode run -o codes.xlsx", 2).contains(".npy"));
    assert!(desk.refused("reconstruct run --image rows.jpg", 2).contains(".png"));
}

#[test]
fn a_model_file_that_lies() {
    let desk = Desk::new();
    desk.trained();
    let tensors = "run/model/model.safetensors";
    let whole = desk.read(tensors);
    let mut oversized = whole.clone();
    oversized[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut corrupt = whole.clone();
    corrupt[9..20].fill(b'{');
    let mut infinite = whole.clone();
    let end = infinite.len() - 4;
    infinite[end..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    for (what, bytes) in [
        ("oversized header", oversized),
        ("corrupt header", corrupt),
        ("cut short", whole[..whole.len() - 3].to_vec()),
        ("empty", Vec::new()),
        ("infinite", infinite),
    ] {
        desk.write(tensors, bytes);
        let error = desk.refused("evaluate run", 3);
        assert!(error.contains("model.safetensors") || error.contains("must hold finite"), "{what}: {error}");
    }
    desk.write(tensors, whole);
    desk.cae("evaluate run").assert().success();
    desk.write("run/model/config.json", "{}");
    assert!(desk.refused("evaluate run", 3).contains("format_version"));
}

#[test]
fn a_checkpoint_that_lies() {
    let desk = Desk::new();
    desk.trained();
    let whole = desk.read("run/checkpoints/last.safetensors");
    desk.write("run/checkpoints/last.safetensors", &whole[..whole.len() / 2]);
    desk.refused("resume run", 3);
}

#[test]
fn places_that_hold_no_run_or_model() {
    let desk = Desk::new();
    fs::create_dir(desk.path("nothing")).unwrap();
    assert!(desk.refused("evaluate absent", 2).contains("no run or model absent"));
    assert!(desk.refused("resume nothing", 2).contains("not a run directory"));
    assert!(desk.refused("evaluate nothing", 2).contains("neither a run nor a model"));
}

#[test]
fn divergence_ends_with_the_term_and_keeps_the_last_good_checkpoint() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    let flags = "--data table.csv --hidden 4 --activation relu --code-activation relu --optimiser sgd --scale none";
    let error = desk.refused(&format!("train {flags} --learning-rate 1e30 --epochs 5 --out run --quiet"), 4);
    for text in ["diverged in epoch 1", "is not finite", "--learning-rate", "--clip"] {
        assert!(error.contains(text), "{text} in {error}");
    }
    assert!(!desk.path("run/model").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    desk.trained();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(["reconstruct", "run"]).stderr(std::process::Stdio::piped());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn data_that_are_not_there() {
    let desk = Desk::new();
    assert!(desk.refused("train --data absent.csv", 1).contains("absent.csv"));
    assert!(desk.refused("train --data mnits", 2).contains("did you mean `mnist`?"));
    let error = desk.refused("train mnist-sigmoid --offline", 1);
    assert!(error.contains("cae data fetch") && error.contains("--data-dir"), "{error}");
}

#[test]
fn a_refused_resume_leaves_the_run_as_it_was() {
    let desk = Desk::new();
    desk.trained();
    let config = desk.text("run/config.toml");
    desk.write("other.csv", table_text(60, 6).replacen("0.5", "0.6", 1));
    desk.table("short.csv", 50, 6);
    for data in ["other.csv", "short.csv"] {
        let error = desk.refused(&format!("resume run --epochs 3 --data {data}"), 2);
        assert!(error.contains("not those of the run") && error.contains("--data"), "{error}");
        assert!(!error.contains("Some("), "{error}");
        assert_eq!(desk.text("run/config.toml"), config, "{data}");
    }
    desk.table("moved.csv", 60, 6);
    desk.cae("resume run --epochs 3 --data moved.csv --quiet").assert().success();
    assert!(desk.text("run/config.toml").contains("moved.csv"));
}

#[test]
fn several_files_after_data_are_not_taken_for_recipes() {
    let desk = Desk::new();
    for name in ["a.csv", "b.csv", "c.csv"] {
        desk.write(name, "x,y\n1,2\n3,4\n");
    }
    for words in ["train --data a.csv b.csv", "train --data a.csv b.csv c.csv --epochs 1"] {
        let error = desk.refused(words, 2);
        assert!(error.contains("--data takes one file, and b.csv is one too many"), "{error}");
    }
    assert!(desk.refused("train strokes mnist-bce", 2).contains("one recipe is trained at a time"));
}

#[test]
fn of_a_wide_table_a_wrong_column_names_the_nearest_few() {
    let desk = Desk::new();
    let names: Vec<String> = (0..3000).map(|i| format!("gene_{i}")).chain(["cell_type".to_owned()]).collect();
    let row = vec!["1"; 3001].join(",");
    desk.write("wide.csv", format!("{}\n{row}\n{row}\n", names.join(",")));
    for words in ["train --data wide.csv --label-column celltype", "train --detector --data wide.csv --key celltype"] {
        let error = desk.refused(words, 2);
        assert!(error.contains("did you mean `cell_type`") && error.len() < 600, "{error}");
        assert!(error.contains("gene_11 and 2989 more"), "{error}");
    }
}
