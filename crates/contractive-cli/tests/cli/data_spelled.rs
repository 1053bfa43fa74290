//! Text tables as people and their programs spell them: decimal commas, thousands, signs, headers, encodings, labels.

use crate::support::Desk;

const QUICK: &str = "--ensemble 2 --steps 60 --quiet";

/// Forty rows of two columns, their cells as `spell` writes them, parted by `separator`.
fn table(header: &str, separator: &str, spell: impl Fn(f64) -> String) -> String {
    let number = |i: usize, j: usize| ((i * (j + 3)) % 17) as f64 * 1250.5 + 0.25;
    let line = |i: usize| [spell(number(i, 0)), spell(number(i, 1))].join(separator) + "\n";
    format!("{header}\n") + &(0..40).map(line).collect::<String>()
}

/// Thousands parted by `part`, a fraction behind `point`.
fn grouped(x: f64, part: &str, point: &str) -> String {
    let (whole, fraction) = (x.trunc() as i64, (x.fract() * 100.0).round() as i64);
    let whole = if whole >= 1000 { format!("{}{part}{:03}", whole / 1000, whole % 1000) } else { whole.to_string() };
    format!("{whole}{point}{fraction:02}")
}

fn plain(x: f64) -> String {
    format!("{x:.2}")
}

fn quoted(text: String) -> String {
    format!("\"{text}\"")
}

fn scores(desk: &Desk, detector: &str, data: &str) -> Vec<String> {
    let text = desk.stdout(&format!("detect {detector} --data {data} --explain 0 -o - --quiet"));
    text.lines().map(str::to_owned).collect()
}

fn trained(desk: &Desk, data: &str, out: &str) {
    desk.cae(&format!("train --detector --data {data} --out {out} {QUICK}")).assert().success();
}

/// F5: decimal commas in a semicolon file are read, with nothing said.
#[test]
fn decimal_commas_beside_semicolons_are_numbers() {
    let desk = Desk::new();
    desk.write("plain.csv", table("a,b", ",", plain));
    trained(&desk, "plain.csv", "d");
    let expected = scores(&desk, "d", "plain.csv");
    let comma = |x: f64| plain(x).replace('.', ",");
    let mixed = |x: f64| if x.fract() == 0.0 { x.to_string() } else { plain(x).replace('.', ",") };
    for (name, text) in [
        ("comma.csv", table("a;b", ";", comma)),
        ("mixed.csv", table("a;b", ";", mixed)),
        ("sep.csv", format!("sep=;\r\n{}", table("a;b", ";", comma))),
        ("point.csv", table("a;b", ";", plain)),
    ] {
        desk.write(name, text);
        assert_eq!(scores(&desk, "d", name), expected, "{name}");
        trained(&desk, name, &format!("d-{name}"));
        assert_eq!(scores(&desk, &format!("d-{name}"), "plain.csv"), expected, "{name}");
        assert_eq!(desk.json(&format!("data info {name} --json"))["features"], 2);
    }
    desk.write("bare.csv", table("", ";", comma).trim_start());
    assert_eq!(desk.json("data info bare.csv --json")["rows"], 40);
    // A column that holds both spellings is refused by the cell.
    desk.write("both.csv", table("a;b", ";", comma).replacen("0,25", "0.5", 1));
    assert!(desk.refused("detect d --data both.csv -o s.csv", 3).contains("column `a`"));
}

/// F5: other spellings are named, with the cell, its line, and what reads them.
#[test]
fn numbers_of_another_spelling_are_refused_with_what_reads_them() {
    let desk = Desk::new();
    desk.write("plain.csv", table("a,b", ",", plain));
    trained(&desk, "plain.csv", "d");
    let expected = scores(&desk, "d", "plain.csv");
    type Case<'a> = (&'a str, &'a str, &'a dyn Fn(f64) -> String, &'a str, &'a str);
    let cases: [Case; 5] = [
        ("english", ",", &|x| quoted(grouped(x, ",", ".")), "thousands parted by `,`", "--thousands ,"),
        ("comma", ",", &|x| quoted(plain(x).replace('.', ",")), "a decimal comma", "--decimal ,"),
        (
            "german",
            ";",
            &|x| grouped(x, ".", ","),
            "a decimal comma and thousands parted by `.`",
            "--decimal , --thousands .",
        ),
        ("spaces", ",", &|x| grouped(x, "\u{202f}", "."), "thousands parted by spaces", "--thousands ' '"),
        ("swiss", "\t", &|x| grouped(x, "\u{2019}", "."), "thousands parted by `'`", r"--thousands ''\'''"),
    ];
    for (name, separator, spell, said, remedy) in cases {
        desk.write(&format!("{name}.csv"), table(&format!("a{separator}b"), separator, spell));
        for command in [
            format!("train --detector --data {name}.csv"),
            format!("train --data {name}.csv"),
            format!("data info {name}.csv"),
            format!("train --data {name}.csv --stream"),
        ] {
            let error = desk.refused(&command, 3);
            assert!(
                error.contains(said)
                    && error.contains(remedy)
                    && error.contains("line ")
                    && error.contains("column `a`"),
                "{error}"
            );
        }
        let (decimal, thousands) = match name {
            "comma" => (Some(','), None),
            "german" => (Some(','), Some('.')),
            "english" => (None, Some(',')),
            "spaces" => (None, Some(' ')),
            _ => (None, Some('\'')),
        };
        let with_flags = |words: &str| {
            let mut command = desk.cae(words);
            for (flag, c) in [("--decimal", decimal), ("--thousands", thousands)] {
                if let Some(c) = c {
                    command.args([flag, &c.to_string()]);
                }
            }
            String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
        };
        let error = desk.refused(&format!("detect d --data {name}.csv -o s.csv"), 3);
        assert!(error.contains("line ") && error.contains("column `a`"), "{error}");
        assert!(name == "german" || error.contains(remedy), "{error}");
        with_flags(&format!("train --detector --data {name}.csv --out d-{name} {QUICK}"));
        // What it was trained with is remembered; a detector of plain numbers is told.
        assert_eq!(scores(&desk, &format!("d-{name}"), &format!("{name}.csv")), expected, "{name}");
        let told = with_flags(&format!("detect d --data {name}.csv --explain 0 -o - --quiet"));
        assert!(told.lines().eq(expected.iter().map(String::as_str)), "{name}");
        with_flags(&format!("train --data {name}.csv --hidden 2 --epochs 1 --no-report --quiet --out run-{name}"));
        let codes = desk.stdout(&format!("encode run-{name} --data {name}.csv -o -"));
        assert_eq!(codes.lines().count(), 41);
    }
    for (name, spell, said) in [
        ("percent", &(|x: f64| format!("{x}%")) as &dyn Fn(f64) -> String, "a percent sign"),
        ("dollar", &|x| format!("${x}"), "a sign of currency"),
        ("euro", &|x| quoted(format!("{} €", grouped(x, ".", ","))), "a sign of currency"),
    ] {
        desk.write(&format!("{name}.csv"), table("a,b", ",", spell));
        let error = desk.refused(&format!("train --detector --data {name}.csv"), 3);
        assert!(
            error.contains(said) && error.contains("without the sign") && error.contains("--categorical a"),
            "{error}"
        );
        let roles = "--categorical a,b";
        desk.cae(&format!("train --detector --data {name}.csv {roles} --out d-{name} {QUICK}")).assert().success();
    }
    for words in ["--decimal x", "--thousands 5", "--decimal , --thousands ,"] {
        assert!(desk.refused(&format!("train --data plain.csv {words}"), 2).contains("`data."), "{words}");
    }
}

/// F8: a first line of numbers is told, and may be said to be the header.
#[test]
fn a_header_of_numbers_is_told_and_can_be_said() {
    let desk = Desk::new();
    let note = "has no header line";
    let quick = QUICK.replace("--quiet", "");
    for (name, header) in [("years", "2001,2002"), ("halves", "0.5,1.5"), ("codes", "-10,20")] {
        let file = format!("{name}.csv");
        desk.write(&file, table(header, ",", plain));
        let said = desk.cae(&format!("train --detector --data {file} --out d-{name} {quick}")).assert().success();
        assert!(String::from_utf8_lossy(&said.get_output().stderr).contains(note), "{file}");
        let said = desk.cae(&format!("detect d-{name} --data {file} -o s.csv")).assert().success();
        assert!(String::from_utf8_lossy(&said.get_output().stderr).contains(note), "{file}");
        assert_eq!(desk.json(&format!("detect d-{name} --data {file} -o s.csv --json"))["rows"], 41);
        let told = format!("train --detector --data {file} --header true --out h-{name} {QUICK}");
        desk.cae(&told).assert().success();
        let summary = desk.json(&format!("detect h-{name} --data {file} -o s.csv --json"));
        assert_eq!((&summary["rows"], summary["notes"].as_array().unwrap().len()), (&40.into(), 0));
        let info = desk.json(&format!("data info {file} --header true --json"));
        assert_eq!(info["rows"], 40);
        assert_eq!(info["feature_names"][0], header.split(',').next().unwrap());
        desk.cae(&format!("train --data {file} --header true --hidden 2 --epochs 1 --no-report -q --out run-{name}"))
            .assert()
            .success();
        assert_eq!(desk.stdout(&format!("encode run-{name} --data {file} -o -")).lines().count(), 41);
        let said = desk.cae(&format!("encode run-{name} --header false --data {file} -o c.csv")).assert().success();
        assert!(!String::from_utf8_lossy(&said.get_output().stderr).contains(note), "it was said");
        // The line of a cell counts the header, or not.
        desk.write("hole.csv", table(header, ",", plain) + "1,\n");
        assert!(desk.refused(&format!("detect h-{name} --data hole.csv -o s.csv"), 3).contains("line 42"));
    }
    // A first line that may be either.
    desk.write("either.csv", table("1,x", ",", plain));
    assert!(desk.refused("train --data either.csv", 3).contains("--header"));
    assert_eq!(desk.json("data info either.csv --header true --json")["rows"], 40);
}

#[test]
fn encodings_are_understood_or_named() {
    let desk = Desk::new();
    desk.write("plain.csv", table("Größe,b", ",", plain));
    trained(&desk, "plain.csv", "d");
    let text = desk.text("plain.csv");
    let expected = scores(&desk, "d", "plain.csv");
    let units =
        |of: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(of).collect::<Vec<u8>>();
    desk.write("le.csv", units(u16::to_le_bytes));
    desk.write("be.csv", units(u16::to_be_bytes));
    desk.write("mark.csv", format!("\u{feff}{text}"));
    for name in ["le.csv", "be.csv", "mark.csv"] {
        assert_eq!(scores(&desk, "d", name), expected, "{name}");
    }
    let latin = |text: &str| text.chars().map(|c| u32::from(c) as u8).collect::<Vec<u8>>();
    desk.write("latin.csv", latin(&text));
    desk.write("cells.csv", latin(&text.replacen("Größe,b", "a,b", 1).replacen("0.25,", "Grün,", 3)));
    for (command, place) in [
        ("train --data latin.csv", "line 1, column `1`"),
        ("train --detector --data latin.csv", "line 1, column `1`"),
        ("detect d --data latin.csv -o s.csv", "line 1, column `1`"),
        ("train --detector --data cells.csv", "line 2, column `a`"),
        ("train --data cells.csv", "line 2, column `a`"),
    ] {
        let error = desk.refused(command, 3);
        assert!(error.contains("Latin-1") && error.contains("Gr") && error.contains("iconv"), "{error}");
        assert!(error.contains(place), "{command}: {error}");
    }
}

#[test]
fn columns_named_as_labels_are_told_and_so_are_values_of_bytes() {
    let desk = Desk::new();
    for name in ["label", "Class", "is_anomaly"] {
        desk.write("t.csv", table(&format!("a,{name}"), ",", plain));
        let quick = QUICK.replace("--quiet", "");
        for command in [
            format!("train --detector --data t.csv --out d-{name} {quick}"),
            format!("train --data t.csv --hidden 2 --epochs 1 --no-report --out run-{name}"),
            format!("train --data t.csv --hidden 2 --epochs 1 --stream --no-report --out stream-{name}"),
        ] {
            let output = desk.cae(&command).assert().success().get_output().clone();
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("data.label_column"), "{command}: {said}");
        }
        let said = desk.cae(&format!("train --detector --data t.csv --label-column {name} --out l-{name} {quick}"));
        let said = { said }.assert().success().get_output().clone();
        assert!(!String::from_utf8_lossy(&said.stderr).contains("label_column"));
    }
    let names: Vec<String> = (0..784).map(|j| format!("p{j}")).collect();
    let line = |i: usize| (0..784).map(|j| ((i * j) % 256).to_string()).collect::<Vec<_>>().join(",") + "\n";
    desk.write("pixels.csv", names.join(",") + "\n" + &(0..30).map(line).collect::<String>());
    assert!(desk.stdout("data info pixels.csv").contains("save them as uint8"));
}

#[test]
fn what_cannot_be_data_is_refused_alike_everywhere() {
    let desk = Desk::new();
    desk.write("plain.csv", table("a,b", ",", plain));
    trained(&desk, "plain.csv", "d");
    let series: String = (0..200).map(|i| format!("{i},{}\n", i % 9)).collect();
    desk.write("series.csv", format!("time,v\n{series}"));
    desk.cae(&format!("train --detector --data series.csv --time time --window 8 --out s {QUICK}")).assert().success();
    for folder in ["folder", "folder.csv", "folder.parquet", "folder.arrow", "folder.npy", "folder.npz", "folder-ubyte"]
    {
        std::fs::create_dir(desk.path(folder)).unwrap();
        let (no_file, no_files) = ("must be a file, and it is a folder", "there is no file of a known format in");
        for (command, words) in [
            // What is trained on may be all files of a folder.
            ("train --data", no_files),
            ("train --detector --data", no_files),
            ("data info", no_files),
            ("detect d -o o.csv --data", no_file),
            ("detect s -o o.csv --data", no_file),
            ("train --detector --time time --data", no_file),
        ] {
            if folder.ends_with("ubyte") && command.contains("detect") {
                continue; // no table
            }
            let error = desk.refused(&format!("{command} {folder}"), 3);
            assert!(error.contains(words), "{command}: {error}");
        }
    }
    // A finite number that 32 bits do not hold is not called infinite.
    desk.write("huge.csv", table("a,b", ",", plain).replacen("0.25", "1e200", 1));
    let error = desk.refused("train --data huge.csv --scale none", 3);
    assert!(error.contains("32 bits hold") && error.contains("1e200") && !error.contains("finite"), "{error}");
    desk.cae("train --data huge.csv --hidden 2 --epochs 1 --no-report -q --out huge").assert().success();
    // One list of holes for training and detection.
    for hole in ["", "NA", "n/a", "#N/A", "NaN", "null", "None", "nil", "missing", "unknown"] {
        desk.write("hole.csv", table("a,b", ",", plain).replacen("0.25,", &format!("{hole},"), 1));
        assert!(
            desk.refused("train --detector --data hole.csv", 3).contains("line 2, column `a`: the cell is missing")
        );
        assert!(
            desk.refused("detect d --data hole.csv -o o.csv", 3).contains("line 2, column `a`: the cell is missing")
        );
        assert!(desk.refused("train --data hole.csv", 3).contains("a missing value"), "{hole}");
    }
}

#[test]
fn the_spelling_of_what_is_no_text_is_refused() {
    let desk = Desk::new();
    desk.write("t.csv", table("a,b", ",", plain));
    trained(&desk, "t.csv", "d");
    desk.cae("train --data t.csv --hidden 2 --epochs 1 --no-report -q --out run").assert().success();
    desk.cae("encode run --data t.csv -o t.parquet").assert().success();
    for command in [
        "train --data t.parquet --decimal ,",
        "train --detector --data t.parquet --header true",
        "encode run --data t.parquet -o c.csv --decimal ,",
        "evaluate run --data t.npy --header false",
        "detect d --data t.arrow -o s.csv --thousands _",
        "data info t.parquet --decimal ,",
        "train --data strokes --header true",
    ] {
        assert!(desk.refused(command, 2).contains("are for text tables"), "{command}");
    }
}
