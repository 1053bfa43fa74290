//! Texts.

use contractive::recipe;

use crate::input::joined;
use crate::series::OPTIONS;
use crate::trained;

pub(super) fn recipe() -> Vec<Vec<u8>> {
    let recipes = recipe::all().expect("the recipes can be read");
    let stated = recipes.iter().map(|recipe| recipe.config.to_toml().expect("a recipe can be written"));
    let mut seeds: Vec<Vec<u8>> = stated.map(|text| joined(&[1], &[text.into_bytes()])).collect();
    for text in [
        "model.hidden = [16, 2]\ntraining.epochs = 5",
        "[objective]\nnoise = \"none\"\npenalty = \"auto\"\n[data]\nscale = \"minmax\"\n",
        "[training]\nclip = 1.0\nschedule = { kind = \"cosine\" }\noptimiser = { kind = \"adam\", beta1 = 0.5 }\n",
        "[data]\nspec = \"t.csv\"\nstream = true\nshuffle_rows = 7\ncolumns = [\"a\"]\nmissing = \"mask\"\n",
    ] {
        seeds.push(joined(&[0], &[text.as_bytes().to_vec()]));
    }
    seeds
}

pub(super) fn series() -> Vec<Vec<u8>> {
    let even = trained::series();
    let gaps: String =
        even.lines().enumerate().filter(|(i, _)| i % 7 != 6).map(|(_, line)| format!("{line}\n")).collect();
    let rows: Vec<String> = even.lines().skip(1).map(str::to_owned).collect();
    let back = format!("time,a,b\n{}\n", rows.iter().rev().cloned().collect::<Vec<_>>().join("\n"));
    let epochs: String = (0..12).map(|i| format!("{},{i}.5,{}\n", 1_709_210_096 + 60 * i, i % 3)).collect();
    let epochs = format!("time,a,b\n{epochs}");
    let holes = "time;a;b\n2024-01-01 00:00:00;1,5;2\n2024-01-01 00:01:00;;3\n2024-01-01 00:02:00;2,5;\n".to_owned();
    let quoted = "time,b,a,note\n\"2024-01-01\",1,2,\"a\nb\"\n2024-01-02,3,4,\n".to_owned();
    let mut seeds = Vec::new();
    for text in [even, gaps, back, epochs, holes, quoted] {
        for way in 0..3 {
            for key in [0, 1, 2, 6] {
                let options: [u8; OPTIONS] = [way, 40 * key + 5, key, key % 2];
                seeds.push(joined(&options, &[text.clone().into_bytes()]));
            }
        }
    }
    seeds
}

pub(super) fn words() -> Vec<Vec<u8>> {
    let words: [(u8, &[&str]); 5] = [
        (0, &["strokes", "mnist:test", "fashion", "a/b.csv:test", "part-*.parquet", "a.csv,b.csv", "[", "./mnist"]),
        (1, &["contamination:0.1", "quantile:0.99", "sigma:3", "pot:0.01", "value:-1e300", "value:nan", "sigma:1e308"]),
        (
            2,
            &[
                "2024-02-29T12:00:00.000001Z",
                "2024-02-29 12:00",
                "2024-02-29",
                "1709210096",
                "1.5e9",
                "-9223372036854775808",
                "2024-06-30T23:59:60Z",
                "2024-02-29T12:00:00+14:00[Pacific/Kiritimati]",
            ],
        ),
        (3, &["\0\0\0\0\0\0\0\0", "abcdefgh", "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}"]),
        (4, &["1/1", "3/7", "0/0", "18446744073709551615/18446744073709551615"]),
    ];
    let seed = |(way, text): (u8, &&str)| joined(&[way, text.len() as u8], &[text.as_bytes().to_vec()]);
    words.iter().flat_map(|(way, words)| words.iter().map(|word| (*way, word))).map(seed).collect()
}
