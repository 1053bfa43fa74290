//! The page of a run: its structure, what becomes of hostile names and of numbers that are none, and its size.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use contractive::Divergence;
use contractive::data::Dataset;
use contractive::{Prepared, TrainConfig, train};
use contractive_report::record::RunRecord;
use contractive_report::{Repeat, ReportError};

pub(crate) const HOSTILE: &str = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&";

/// With a command that must stay text.
fn report_html(runs: &[RunRecord]) -> Result<String, ReportError> {
    contractive_report::report_html(runs, &Repeat { command: Some("again --from <config.toml>".into()) })
}

/// A pattern without a repetition that matters.
fn wave(i: usize) -> f32 {
    (i as f32 * 0.754_877_7).fract()
}

/// A short run on `data`, with `settings` over a small network.
fn record(data: Dataset, test: Option<Dataset>, settings: &str) -> RunRecord {
    let text = format!("[model]\nhidden = [6, 3]\n[training]\nepochs = 3\nbatch_size = 16\n{settings}");
    let prepared = Prepared::new(&TrainConfig::from_toml("test", &text).unwrap(), data, test).unwrap();
    let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap();
    let mut record = RunRecord::new("small run", &prepared, &outcome.model, &outcome.history).unwrap();
    // Clocks are no part of what is tested.
    for (i, epoch) in record.history.iter_mut().enumerate() {
        (epoch.seconds, epoch.rows_per_second) = (0.5 + i as f64, 1e4);
    }
    record
}

fn images(n: usize, side: usize) -> Dataset {
    let pixels = (0..n * side * side).map(|i| (wave(i) * 255.0) as u8).collect();
    let names = ["ring", "bar", "dot"].map(str::to_owned).to_vec();
    let labels = (0..n as i64).map(|i| i % 3).collect();
    Dataset::from_u8_images("shapes", side, side, pixels).unwrap().with_labels(labels).unwrap().with_class_names(names)
}

fn table(n: usize) -> Dataset {
    let names = ["alpha", "beta", "gamma", "delta"].map(str::to_owned).to_vec();
    Dataset::from_f32("rows.csv", 4, (0..4 * n).map(wave).collect()).unwrap().with_feature_names(names).unwrap()
}

fn image_run() -> RunRecord {
    record(images(60, 6), Some(images(30, 6)), "")
}

fn table_run() -> RunRecord {
    record(table(80), None, "")
}

fn page(run: RunRecord) -> String {
    let html = report_html(&[run]).unwrap();
    check_page(&html);
    html
}

/// What holds of every page.
pub(crate) fn check_page(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html>"));
    for tag in ["section", "div", "figure", "figcaption", "svg", "table", "tr", "td", "ul", "dl", "details", "p", "h2"]
    {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "<{tag}> is opened as often as it is closed");
    }
    for network in ["http:", "https:", "//cdn", "url(", "@import", "<link rel=\"stylesheet"] {
        assert!(!html.contains(network), "{network} would ask the network");
    }
    for source in html.split(" src=\"").skip(1) {
        assert!(source.starts_with("data:image/png;base64,"), "{}", &source[..40.min(source.len())]);
    }
    assert_eq!(html.matches("<script>").count(), 1, "one script, ours");
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids are unique: {ids:?}");
    for image in html.split("<img ").skip(1) {
        assert!(image.split('>').next().unwrap().contains("alt=\""), "a picture without a text");
    }
    for image in html.split("role=\"img\"").skip(1) {
        let rest = image.split('>').next().unwrap();
        assert!(rest.contains("aria-label"), "a chart without a name: {rest}");
    }
    for link in html.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(ids.contains(&target), "the link to {target} leads nowhere");
    }
    // No drawing holds a number that is none.
    let body = html.split("<script>").next().unwrap();
    for attribute in ["points=\"", " d=\"", " x1=\"", " y=\"", " cx=\"", "height=\"", "width=\""] {
        for value in body.split(attribute).skip(1) {
            let value = value.split('"').next().unwrap();
            assert!(!value.contains("NaN") && !value.contains("inf"), "{attribute}{value}");
        }
    }
}

pub(crate) fn sections(html: &str) -> Vec<&str> {
    html.split("<section id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn a_run_on_images_has_every_panel_and_the_same_bytes_twice() {
    let run = image_run();
    let html = page(run.clone());
    let all =
        ["examples", "loss", "network", "filters", "spectrum", "contraction", "spread", "codes", "units", "repeat"];
    assert_eq!(sections(&html), all);
    assert!(report_html(std::slice::from_ref(&run)).unwrap() == html);
    let silent = contractive_report::report_html(std::slice::from_ref(&run), &Repeat::default()).unwrap();
    assert!(silent.contains("Train with the configuration below") && !silent.contains("class=\"command\""));
    for text in
        ["small run", "36 → 6 → 3", "test on 30 rows", "ring", "epoch 3 of 3", "again --from &#60;config.toml&#62;"]
    {
        assert!(html.to_lowercase().contains(&text.to_lowercase()), "{text}");
    }
    assert_eq!(html.matches("<img class=\"pixels\" src=\"").count(), 30 * 2 + 6);
    assert_eq!(html.matches("class=\"pixels diff\"").count(), 30);
    // Without scripts everything shows but what only a script can move.
    assert!(html.contains("<div class=\"reader\" hidden>") && html.contains("<div class=\"controls\" hidden>"));
    assert!(!html.contains("class=\"js\"") && !html.contains("tiles away"));
    // The configuration is printed whole.
    for line in run.config.to_toml().unwrap().lines().filter(|line| !line.contains('"')) {
        assert!(html.contains(line), "{line}");
    }
}

#[test]
fn a_table_without_labels_and_test_rows_is_shown_as_profiles() {
    let html = page(table_run());
    assert!(sections(&html).contains(&"filters") && html.contains("<h2>Features</h2>"));
    for text in ["alpha", "delta", "validation on 8 rows", "profiles"] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("<img ") && !html.contains("colours are labels"));
    let html = page(record(table(20), None, "[data]\nvalidation = 0.0"));
    assert!(html.contains("training on 20 rows"));
}

#[test]
fn hostile_names_stay_text() {
    for mut run in [image_run(), table_run()] {
        run.name = HOSTILE.to_owned();
        run.data.name = HOSTILE.to_owned();
        run.evaluation.data = HOSTILE.to_owned();
        run.data.sha256 = Some(HOSTILE.to_owned());
        run.data.feature_names = Some(vec![HOSTILE.to_owned(); 4]);
        run.class_names = Some(vec![HOSTILE.to_owned(); 3]);
        run.provenance.recipe = Some(HOSTILE.to_owned());
        run.provenance.version = HOSTILE.to_owned();
        run.config.recipe = Some(HOSTILE.to_owned());
        run.config.data.label_column = Some(HOSTILE.to_owned());
        for html in [page(run.clone()), report_html(&[run.clone(), run]).unwrap()] {
            check_page(&html);
            assert!(!html.contains("<script>alert") && !html.contains("<img src=x") && !html.contains("\"'>"));
            assert!(
                html.matches("</title>").count() == html.matches("<title").count(),
                "the title is not closed early"
            );
            assert!(html.contains("script&#62;alert(1)") || html.contains("script&gt;alert(1)"));
        }
    }
}

#[test]
fn one_epoch_and_no_epoch_are_shown() {
    let mut run = image_run();
    run.history.truncate(1);
    run.provenance.epoch = 1;
    assert!(page(run.clone()).contains("1 epoch"));
    run.history.clear();
    run.provenance.epoch = 0;
    assert!(!sections(&page(run)).contains(&"loss"), "there is no curve to show");
}

#[test]
fn values_that_diverged_are_said_and_never_drawn() {
    let mut run = image_run();
    run.history[1].train.total = f64::NAN;
    run.history[2].train.total = f64::INFINITY;
    run.history[2].train.penalty = 1e308;
    run.history[2].jacobian_norm = f64::NEG_INFINITY;
    run.evaluation.mse = f64::NAN;
    run.evaluation.jacobian_norm = f64::INFINITY;
    run.spectrum.mean = vec![f64::NAN; 3];
    run.spectrum.local_dimension = f64::NAN;
    run.contraction.points.iter_mut().for_each(|point| point.mean = f64::NAN);
    run.scatter.plane.points[0] = [f32::NAN; 2];
    run.examples.rows[0].reconstruction.fill(f32::NAN);
    run.examples.rows[0].error = f64::NAN;
    run.filters.weights[0].fill(f32::INFINITY);
    run.errors = contractive_report::analysis::Histogram { not_finite: 30, ..Default::default() };
    let html = page(run.clone());
    assert!(html.contains("not a number") && html.contains("diverged") && html.contains("∞"));
    check_page(&report_html(&[run, image_run()]).unwrap());
}

#[test]
fn a_divergence_is_said_on_top_and_marked_in_the_curves() {
    let mut run = image_run();
    let sound = page(run.clone());
    run.divergence = Some(Divergence { epoch: 4, step: 41, term: "validation penalty".into() });
    let html = page(run.clone());
    let header = html.split("</header>").next().unwrap();
    for text in [
        "diverged in epoch 4, step 41",
        "validation penalty was not finite",
        "Lower `training.learning_rate`",
        "of epoch 3",
    ] {
        assert!(header.contains(text), "{text}");
    }
    let marks = |html: &str| html.matches("diverged\n</text>").count();
    assert!(marks(&html) >= 3 && marks(&sound) == 0 && !sound.contains("diverged"), "{}", marks(&html));
    assert!(sound.contains("training longer may still gain") && !html.contains("training longer may still gain"));
    let both = report_html(&[image_run(), run.clone()]).unwrap();
    assert!(both.contains("then diverged at step 41"));
    // Before the first epoch was over.
    run.history.clear();
    run.provenance.epoch = 0;
    assert!(page(run).contains("the last model before that"));
}

#[test]
fn runs_are_compared_side_by_side() {
    let first = image_run();
    let mut second = record(images(60, 6), Some(images(30, 6)), "learning_rate = 0.01");
    second.name = "faster".to_owned();
    let html = report_html(&[first.clone(), second.clone()]).unwrap();
    check_page(&html);
    assert_eq!(sections(&html), ["figures", "settings", "loss", "examples", "filters", "geometry"]);
    assert!(html.contains("training.learning_rate") && !html.contains("training.batch_size"));
    assert!(html.contains("class=\"best\"") && html.contains("moved by noise of 0.3"));
    assert_eq!(html.matches("<img ").count(), 42, "ten originals, ten reconstructions and six filters a run");
    // Runs are called by the setting that differs, in the legend and above their pictures.
    assert!(html.contains("learning_rate = 0.001 and learning_rate = 0.01</title>") && !html.contains("faster"));
    assert!(html.contains("reconstruction 1 of learning_rate = 0.01"));
    assert!(html.contains("Mean singular value of J, log scale"), "whatever the values");
    // Their own names where a caller gives them, or where no setting differs.
    let named = contractive_report::comparison_html(&[first.clone(), second.clone()]).unwrap();
    assert!(named.contains("small run and faster</title>") && !named.contains("learning_rate = 0.01"));
    second.config = first.config.clone();
    assert!(report_html(&[first.clone(), second]).unwrap().contains("small run and faster</title>"));
    // A table beside images: no rows are the same, and no error is called the best.
    let html = report_html(&[first, table_run()]).unwrap();
    check_page(&html);
    assert!(!sections(&html).contains(&"examples") && !html.contains("class=\"best\""));
    assert!(html.contains("different rows"));
    assert!(matches!(report_html(&[]), Err(ReportError::Empty)));
}

#[test]
fn a_dead_unit_does_not_stretch_the_axis_of_the_others() {
    let first = image_run();
    let mut second = first.clone();
    second.name = "with a dead unit".to_owned();
    second.evaluation.data = "/some/folder/rows.csv".to_owned();
    let sound = report_html(&[first.clone(), second.clone()]).unwrap();
    for least in [1e-20, 0.0] {
        *second.spectrum.mean.last_mut().unwrap() = least;
        let html = report_html(&[first.clone(), second.clone()]).unwrap();
        check_page(&html);
        assert!(html.contains("below 0.000001 of the largest") && !sound.contains("below 0.000001"));
        assert!(!html.contains("10⁻²") && html.contains("10⁻⁶"), "the axis ends at a millionth of the largest");
        assert!(html.contains("rows.csv, 30 test") && !html.contains("/some/folder"));
        assert!(page(second.clone()).contains("below 0.000001 of the largest"));
    }
}

#[test]
fn the_noisiest_images_make_a_page_of_bounded_size() {
    // Larger than is shown: averaged down to 64 pixels a side at most.
    let html = page(record(images(50, 128), None, ""));
    assert!(html.len() < 1_500_000, "{} bytes", html.len());
}
