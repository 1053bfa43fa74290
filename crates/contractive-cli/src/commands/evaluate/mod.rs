//! `cae evaluate`: numbers that judge a model on rows.

mod detector;
mod images;
mod series;

use std::path::{Path, PathBuf};

use clap::Args;
use contractive::data::Dataset;
use contractive::model::{PictureEvaluation, evaluate_pictures};
use contractive::{Evaluation, Model, evaluate_rows, evaluate_telling};
use contractive_anomaly::detector::is_detector;
use contractive_anomaly::images::is_image_detector;
use contractive_anomaly::series::is_series_detector;
use serde::Serialize;

use crate::commands::per_row::{self, PerRow};
use images::ImageLabels;

use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::models::Opened;
use crate::numbers::{grouped, percent, plain, significant};
use crate::output::{check_file, print, print_json, write_file};
use crate::progress::Reporting;
use crate::table::pairs;
use crate::work_bar::{Size, WorkBar};

/// Judge a model: reconstruction losses, the exact Jacobian norm, saturation.
///
/// A detector (`cae train --detector`) is judged on labelled rows instead: AUROC, average precision, and F1, recall and
/// precision at its threshold, with 95 % intervals (bootstrap; Wilson for shares).
///
/// A detector of time series (with --time) is judged on labelled timestamps, with intervals from a bootstrap of blocks,
/// and by ranges: range-based precision and recall (Tatbul et al. 2018), VUS-PR and VUS-ROC (Paparrizos et al. 2022).
/// Several series (--series-key) are judged one after the other, each in the order of its time.
///
/// A detector of pictures is judged on pictures in folders: `good` holds ordinary ones, every other folder anomalies. Where
/// masks mark the odd pixels, also by the AUROC of pixels, and by PRO, the overlap of each marked region, up to a false
/// positive rate of 0.3 (Bergmann et al. 2020).
///
/// Without --data, the test part of what it was trained on is used, or all of it where there is no test part. All
/// numbers are means over rows, of features as the model scales them.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Evaluate {
    /// A run directory, a model directory or a detector directory.
    #[arg(value_name = "RUN_OR_MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Of a detector: column with the labels, 1, true or yes for anomalies and 0, false or no for the rest. Of an .npz
    /// archive the array [default: y beside X, y_test beside x_test]; of .npy and IDX the file.
    #[arg(
        long,
        value_name = "COLUMN",
        help_heading = "Data",
        conflicts_with = "label_column",
        allow_hyphen_values = true
    )]
    labels: Option<String>,
    /// Of a detector: the label of anomalies, where labels are not 0 and 1, such as -1 or broken.
    #[arg(long, value_name = "LABEL", help_heading = "Data", allow_hyphen_values = true)]
    anomaly: Option<String>,
    #[command(flatten)]
    images: ImageLabels,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Write to this file, .json or .txt, and print nothing.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Of a model: write a table with one line a row, of which the means are printed: its number and label, the loss and
    /// the penalty trained with, ‖J‖² (penalty) and ‖J‖ (jacobian_norm). .csv or .tsv (also with .gz), .parquet, .arrow,
    /// .npy or .jsonl.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    per_row: Option<PathBuf>,
    /// Of a model of patches: write a table with one line a picture: its number and label, the mse of its reconstruction
    /// and its penalty, the sum over its patches. The endings are those of --per-row, which has a line a patch.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    per_picture: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
total = the loss trained with + contraction x trained_penalty_value (+ the sparsity term). trained_penalty_value is the
penalty that the model was trained with; penalty is always the exact squared Frobenius norm of the Jacobian.

An untied decoder can make up for any shrinking of the code, so a small penalty alone proves no contraction. Compare
models by jacobian_to_code_variance: penalty / (sum over code units of their variance over the rows). It does not
change with the scale of the code; it is left out (null in JSON) where the code does not vary. So are bce and
cross_entropy where the output is not sigmoid or a value lies outside [0, 1], and saturation without sigmoid or tanh
units. No other number is null: a result that 32 bits do not hold is an error that names its row.

Examples:
  cae evaluate runs/NAME
  cae evaluate runs/NAME --data mnist:test --json
  cae evaluate runs/NAME/model --data table.csv -o numbers.json
  cae evaluate runs/NAME --data table.csv --per-row rows.csv
  cae evaluate runs/NAME --data pictures.npy --per-picture pictures.csv
  cae evaluate DETECTOR --data labelled.csv --labels is_anomaly --json
  cae evaluate DETECTOR --data test.npz --labels y --anomaly -1
  cae evaluate IMAGE-DETECTOR --data test --masks ground_truth";

impl Evaluate {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let is_json = match self.output.as_deref().map(Path::extension) {
            None => self.json,
            Some(Some(end)) if end == "json" => true,
            Some(Some(end)) if end == "txt" => self.json,
            Some(_) => return Err(Usage("-o takes a name that ends in .json or .txt".into()).into()),
        };
        let inputs = Inputs::of(self.rows.data.as_deref()).and(self.labels.as_deref().map(Path::new));
        let inputs = inputs.and_trained(&self.model);
        if let Some(path) = &self.output {
            check_file(path)?;
            inputs.check(path, "-o")?;
        }
        if let Some(path) = &self.per_row {
            if is_any_detector(&self.model) {
                let text = "--per-row is of models; `cae detect` scores the rows of a detector one by one";
                return Err(Usage(text.into()).into());
            }
            per_row::check(path, "--per-row", &inputs)?;
        }
        if let Some(path) = &self.per_picture {
            per_row::check(path, "--per-picture", &inputs)?;
        }
        if self.rows.transpose.is_some() && is_any_detector(&self.model) {
            return Err(Usage("--transpose is of models; a detector takes the rows as the file has them".into()).into());
        }
        if is_image_detector(&self.model) {
            if self.labels.is_some() || self.anomaly.is_some() || self.rows.label_column.is_some() {
                let text = "--labels, --anomaly and --label-column are for tables; of pictures the folders are the labels (--good)";
                return Err(Usage(text.into()).into());
            }
            let numbers = images::evaluate(&self.model, &self.rows, &self.images, self.json)?;
            return self.give(&numbers, is_json, images::in_words);
        }
        if let Some(flag) = self.images.given() {
            let text = format!("{flag} is for detectors of pictures, and {} is none", self.model.display());
            return Err(Usage(text).into());
        }
        if let (Some(flag), true) = (self.rows.pictures.first(), is_any_detector(&self.model)) {
            let text = format!("{flag} is of pictures, and {} is a detector of rows", self.model.display());
            return Err(Usage(text).into());
        }
        if is_detector(&self.model) {
            let (labels, anomaly) = (self.labels.as_deref(), self.anomaly.as_deref());
            let numbers = detector::evaluate(&self.model, &self.rows, labels, anomaly, self.json)?;
            return self.give(&numbers, is_json, detector::in_words);
        }
        if is_series_detector(&self.model) {
            let (labels, anomaly) = (self.labels.as_deref(), self.anomaly.as_deref());
            let numbers = series::evaluate(&self.model, &self.rows, labels, anomaly, self.json)?;
            return self.give(&numbers, is_json, series::in_words);
        }
        if self.labels.is_some() || self.anomaly.is_some() {
            let text = format!("--labels and --anomaly judge a detector, and {} is none", self.model.display());
            return Err(Usage(text).into());
        }
        let opened = Opened::new(&self.model)?;
        let inputs = opened.inputs(&self.rows);
        for (path, flag) in [(&self.output, "-o"), (&self.per_row, "--per-row"), (&self.per_picture, "--per-picture")] {
            path.as_deref().map_or(Ok(()), |path| inputs.check(path, flag))?;
        }
        let data = opened.rows(&self.rows, self.json)?;
        if let Some(path) = &self.per_row {
            write_rows(path, &opened.model, &data, self.rows.threads(), self.json)?;
        }
        if let Some(path) = &self.per_picture {
            write_pictures(path, &opened.model, &data, self.rows.threads(), self.json)?;
        }
        let bar = rows_bar(&data, self.json);
        let numbers = evaluate_telling(&opened.model, &data, self.rows.threads(), &mut |done| bar.show(done as u64))?;
        drop(bar);
        self.give(&numbers, is_json, in_words)
    }

    /// Writes or prints the numbers, as JSON or in words.
    fn give<T: Serialize>(&self, numbers: &T, is_json: bool, in_words: fn(&T) -> String) -> anyhow::Result<Ending> {
        match &self.output {
            Some(path) if is_json => {
                let text = serde_json::to_string_pretty(numbers)? + "\n";
                write_file(path, text.as_bytes())?;
            }
            Some(path) => write_file(path, in_words(numbers).as_bytes())?,
            None if is_json => print_json(numbers)?,
            None => print(&in_words(numbers))?,
        }
        Ok(Ending::Done)
    }
}

/// Whether a detector of any kind lies there.
fn is_any_detector(path: &Path) -> bool {
    is_detector(path) || is_series_detector(path) || is_image_detector(path)
}

/// What is shown of rows under way.
fn rows_bar(data: &Dataset, is_quiet: bool) -> WorkBar {
    WorkBar::new(Reporting::new(false, is_quiet), Size::Known(data.len() as u64), "rows")
}

/// Writes the numbers of each row, named as their means are.
fn write_rows(path: &Path, model: &Model, data: &Dataset, threads: usize, is_quiet: bool) -> anyhow::Result<()> {
    let names = [model.objective().loss.name(), "trained_penalty_value", "penalty", "jacobian_norm"];
    let mut file = PerRow::create(path, data, names.map(str::to_owned).into())?;
    let bar = rows_bar(data, is_quiet);
    evaluate_rows(model, data, threads, |judged| -> anyhow::Result<()> {
        bar.show(judged.rows.end as u64);
        let norms = judged.penalties.iter().map(|square| square.max(0.0).sqrt()).collect();
        let numbers = vec![judged.losses, judged.trained_penalties, judged.penalties, norms];
        Ok(file.write(judged.rows.start, numbers)?)
    })?;
    drop(bar);
    Ok(file.finish(is_quiet)?)
}

/// Writes the numbers of each picture, named as their means are.
fn write_pictures(path: &Path, model: &Model, data: &Dataset, threads: usize, is_quiet: bool) -> anyhow::Result<()> {
    if data.patch_grid().is_none() {
        let text = "--per-picture is of models of patches (`cae train --patch`); --per-row has a line a row";
        return Err(Usage(text.into()).into());
    }
    let mut file = PerRow::create(path, data.pictures(), vec!["mse".into(), "penalty".into()])?;
    evaluate_pictures(model, data, threads, |picture, judged| -> anyhow::Result<()> {
        Ok(file.write(picture, vec![vec![judged.mse], vec![judged.penalty]])?)
    })?;
    Ok(file.finish(is_quiet)?)
}

/// What is said of whole pictures.
fn of_pictures(e: &PictureEvaluation) -> [(&'static str, String); 4] {
    let shown = |value: f64| significant(value, 5);
    let size = format!("{} x {} x {}", e.height, e.width, e.channels);
    let all = format!("{} of {size}, {} patches of {} pixels a side each", grouped(e.pictures), e.patches, e.patch);
    let worst = format!("{}  of picture {} (from 0), the largest", shown(e.largest_mse), e.largest_mse_picture);
    [
        ("pictures", all),
        (
            "mse of a picture",
            format!("{}  mean over its pixels, each the mean of its patches, in the data's units", shown(e.mse)),
        ),
        ("", worst),
        (
            "penalty of a picture",
            format!("{}  sum over its patches: the squared norm of its Jacobian, exact", shown(e.penalty)),
        ),
    ]
}

fn in_words(e: &Evaluation) -> String {
    let shown = |value: f64| significant(value, 5);
    let mut lines = vec![
        ("data", format!("{}, {} rows of {} features", e.data, grouped(e.rows), e.features)),
        ("trained with", format!("{} + {} x {}", e.loss, plain(e.contraction), e.trained_penalty)),
        ("total", format!("{}  the objective it was trained with, without input noise", shown(e.total))),
        ("mse", format!("{}  mean over features of the squared error", shown(e.mse))),
        ("sse", format!("{}  its sum, a row", shown(e.sse))),
    ];
    lines.insert(
        3,
        (
            "trained_penalty_value",
            format!(
                "{}  the penalty `{}` as it was trained, within total",
                shown(e.trained_penalty_value),
                e.trained_penalty
            ),
        ),
    );
    if let (Some(bce), Some(cross_entropy)) = (e.bce, e.cross_entropy) {
        lines.push(("bce", format!("{}  mean over features of the cross-entropy", shown(bce))));
        lines.push(("cross_entropy", format!("{}  its sum, a row", shown(cross_entropy))));
    }
    lines.push((
        "penalty",
        format!("{}  mean squared Frobenius norm of the {} x {} Jacobian, exact", shown(e.penalty), e.code, e.features),
    ));
    lines.push(("jacobian_norm", format!("{}  mean Frobenius norm", shown(e.jacobian_norm))));
    lines.push(("jacobian_mean_square", format!("{}  mean square of its entries", shown(e.jacobian_mean_square))));
    if let Some(ratio) = e.jacobian_to_code_variance {
        let meaning = "penalty over the variance of the code, whatever the code's scale";
        lines.push(("jacobian_to_code_variance", format!("{}  {meaning}", shown(ratio))));
    }
    if let Some(saturation) = e.saturation {
        lines.push(("saturation", format!("{}  of bounded units lie within 5 % of a bound", percent(saturation))));
    }
    lines.push(("dead_code_units", format!("{}  of code units never move", percent(e.dead_code_units))));
    lines.push(("zero_code_activations", format!("{}  of the code's numbers are 0", percent(e.zero_code_activations))));
    lines.extend(e.pictures.iter().flat_map(of_pictures));
    pairs(&lines)
}
