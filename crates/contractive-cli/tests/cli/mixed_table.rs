//! Plain training on tables as they are: keys, categories, missing cells and labels, carried through to codes and back.

use crate::support::Desk;

/// 200 orders: an id with zeros in front, a shop, an amount that depends on it with some holes, a code that is a number,
/// and labels.
fn orders() -> String {
    (0..200).fold("id,when,shop,amount,grade,weight,kind\n".to_owned(), |text, i| {
        let shop = ["north", "south", "south", "west"][i % 4];
        let amount = if i % 25 == 7 { String::new() } else { format!("{:.3}", 10.0 * (i % 4) as f64 + (i % 7) as f64) };
        let weight = format!("{:.3}", (i as f64 * 0.37).sin());
        let kind = if i % 10 == 0 { "odd" } else { "plain" };
        text + &format!("{i:05},2024-01-01,{shop},{amount},{},{weight},{kind}\n", 1 + i % 3)
    })
}

const TRAIN: &str = "train --data orders.csv --key id,when --categorical grade --missing median --label-column kind \
                     --hidden 8,3 --epochs 60 --patience none --learning-rate 0.01 -q --out run";

#[test]
fn a_table_as_it_is_is_trained_on_and_its_keys_and_labels_go_along() {
    let desk = Desk::new();
    desk.write("orders.csv", orders());
    desk.cae(TRAIN).assert().success();
    let model: serde_json::Value = serde_json::from_str(&desk.text("run/model/config.json")).unwrap();
    let names = model["preprocessing"]["feature_names"].as_array().unwrap();
    assert_eq!(names.len(), 4 + 1 + 4 + 1, "three levels and others, twice, and two numbers: {names:?}");
    let codes = desk.stdout("encode run --data orders.csv");
    let lines: Vec<&str> = codes.lines().collect();
    assert!(lines[0].starts_with("id,when,kind,code_1,") || lines[0].starts_with("id,when,kind,"), "{}", lines[0]);
    assert!(lines[1].starts_with("00000,2024-01-01,odd,") && lines[8].starts_with("00007,2024-01-01,plain,"));
    let restored = desk.stdout("reconstruct run --data orders.csv");
    let lines: Vec<&str> = restored.lines().collect();
    assert_eq!(lines[0], "id,when,kind,shop,amount,grade,weight");
    let right = (0..200).filter(|i| lines[i + 1].split(',').nth(3) == Some(["north", "south", "south", "west"][i % 4]));
    assert!(right.count() > 180, "categories come back as their values: {}", lines[1]);
    desk.cae("encode run --data orders.csv -o codes.parquet -q").assert().success();
    desk.cae("encode run --data orders.csv -o codes.jsonl -q").assert().success();
    assert!(desk.text("codes.jsonl").lines().next().unwrap().contains("\"id\":\"00000\""));
    let output = desk.cae("encode run --data orders.csv -o codes.npy").assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("without id, when, kind") && said.contains("filled"), "{said}");
    // Without its labels, and in another order.
    let reordered: String = orders()
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            [&cells[5], &cells[4], &cells[3], &cells[2], &cells[1], &cells[0]].map(|c| *c).join(",") + "\n"
        })
        .collect();
    desk.write("again.csv", reordered);
    let again = desk.stdout("encode run --data again.csv -q");
    let numbers = |line: &str, skipped: usize| line.split(',').skip(skipped).collect::<Vec<_>>().join(",");
    assert_eq!(numbers(again.lines().nth(8).unwrap(), 2), numbers(codes.lines().nth(8).unwrap(), 3));
    assert!(desk.stdout("evaluate run --data orders.csv").contains("jacobian"));
    assert!(desk.stdout("inspect run --data orders.csv").contains("shop=north"));
}

#[test]
fn columns_of_text_are_categories_without_a_flag() {
    let desk = Desk::new();
    let text = orders();
    let few: String = text
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("{},{}\n", cells[2], cells[5])
        })
        .collect();
    desk.write("few.csv", few);
    desk.cae("train --data few.csv --hidden 2 --epochs 1 -q --out run").assert().success();
    assert!(desk.text("run/model/config.json").contains("shop=south"));
    let resumed = desk.cae("resume run --epochs 2 -q").assert().success().get_output().clone();
    assert!(resumed.stderr.is_empty());
}

#[test]
fn a_run_of_many_quick_epochs_shows_some_of_them() {
    let desk = Desk::new();
    desk.table("small.csv", 40, 3);
    let run = "train --data small.csv --hidden 2 --batch-size 40 --patience none --no-report";
    let output = desk.cae(&format!("{run} --epochs 1000 --out a")).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines = said.lines().filter(|line| line.contains("/1000 ")).count();
    assert!((200..=210).contains(&lines), "{lines}");
    assert_eq!(desk.text("a/metrics.jsonl").lines().count(), 1000, "the numbers of all are kept");
}

#[test]
fn what_cannot_be_learnt_from_is_said_together_with_flags_that_help() {
    let desk = Desk::new();
    desk.write("orders.csv", orders());
    let error = desk.refused("train --data orders.csv --epochs 1", 3);
    assert!(error.contains("amount"), "{error}");
    let several = "when,a,b,note\n".to_owned()
        + &(0..80)
            .map(|i| {
                format!("2024-01-01T{:02}:{:02}:00,{},{i},text {i}\n", i / 60, i % 60, if i == 3 { "" } else { "1.5" })
            })
            .collect::<String>();
    desk.write("several.csv", several);
    let error = desk.refused("train --data several.csv --categorical b --epochs 1", 3);
    for word in ["3 columns", "`when`", "`note`", "column `a`", "line 5", "--missing", "--key"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let error = desk.refused("train --data orders.csv --key id,when --epochs 1", 3);
    assert!(error.contains("amount") && error.contains("--missing median"), "{error}");
    assert!(desk.refused("train --data orders.csv --missing mask --epochs 1", 2).contains("detectors"));
    assert!(desk.refused("train --data orders.csv --missing previous --epochs 1", 2).contains("--time"));
    assert!(desk.refused("train --data orders.csv --key id --stream --epochs 1", 2).contains("stream"));
    assert!(desk.refused("train --data strokes --key id --epochs 1", 2).contains("leave out --columns, --key"));
    assert!(desk.refused("train --data orders.csv --columns amounts --epochs 1", 2).contains("did you mean `amount`"));
}

#[test]
fn the_command_that_data_info_gives_trains_on_the_table() {
    let desk = Desk::new();
    let gone: String = orders()
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let (gone, label) = if i == 0 { ("gone", "label") } else { ("", ["0", "1"][i % 2]) };
            format!("{line},{gone},{label}\n")
        })
        .collect();
    desk.write("my orders.csv", gone);
    let text =
        String::from_utf8(desk.cae("data info").arg("my orders.csv").assert().success().get_output().stdout.clone())
            .unwrap();
    for words in ["id      identifier", "shop    category", "south 50", "gone    empty", "label   label"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("  cae train ")).collect();
    assert!(commands[0].contains("--missing median") && commands[0].contains("--label-column label"), "{text}");
    for (i, command) in commands.iter().enumerate() {
        let out = format!("--epochs 1 -q --out trained-{i}");
        let out =
            if command.contains("--detector") { format!("--steps 20 --ensemble 1 -q --out trained-{i}") } else { out };
        let words = command.trim().trim_start_matches("cae ").replace("'my orders.csv'", "my-orders.csv");
        std::fs::copy(desk.path("my orders.csv"), desk.path("my-orders.csv")).unwrap();
        desk.cae(&format!("{words} {out}")).assert().success();
    }
    let json = desk.json("data info my-orders.csv --json");
    assert_eq!((&json["columns"][3]["looks"], &json["columns"][3]["missing"]), (&"number".into(), &8.into()));
    assert!(json["commands"][1].as_str().unwrap().contains("--detector"));
}
