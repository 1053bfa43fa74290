//! What a user can do about an error, in terms of flags and subcommands.

use contractive::data::{PatchError, TableError};
use contractive::import::ImportError;
use contractive::model::ModelError;
use contractive::preprocess::PreprocessError;
use contractive::run::RunError;
use contractive::train::TrainError;
use contractive_anomaly::LabelError;
use contractive_anomaly::detector::encoding::EncodingError;
use contractive_anomaly::detector::{DetectorError, MergeError, ThresholdError};
use contractive_anomaly::images::ImageError;
use contractive_anomaly::series::SeriesError;
use contractive_core::ArgumentError;
use contractive_datasets::DatasetError;
use contractive_onnx::OnnxError;
use contractive_pictures::PictureError;
use contractive_table::{OutputError, Spelling};

use super::kind::Kind;
use crate::shell::quoted;

/// Advice on an error, where there is any.
pub(crate) fn remedy(error: &anyhow::Error) -> Option<String> {
    match Kind::of(error)? {
        Kind::Argument(ArgumentError::Range { .. }) => {
            text("scale the data to [0, 1] (--scale minmax) or use --loss mse")
        }
        Kind::Dataset(e) => of_dataset(e),
        Kind::Detector(DetectorError::Diverged { .. }) => text("lower --learning-rate or --contraction"),
        Kind::Encoding(e) => of_encoding(e),
        Kind::Import(e) => of_import(e),
        Kind::Label(e) => of_labels(e),
        Kind::Merge(e) => of_merging(e),
        Kind::Model(ModelError::Occupied { .. }) => text("choose another place"),
        Kind::Onnx(e) => of_onnx(e),
        Kind::Output(OutputError::NumbersAlone { .. }) => {
            text("give a name that ends in .csv, .parquet, .arrow or .jsonl")
        }
        Kind::Patches(PatchError::Small { .. }) => text("take a smaller --patch, or leave that picture out"),
        Kind::Patches(PatchError::NotPictures { .. }) => text("give pictures, or leave out --patch"),
        Kind::Patches(PatchError::TooMany { .. }) => text("give a larger --stride, or fewer pictures with --rows"),
        Kind::Preprocess(PreprocessError::TooLarge { .. }) => text("scale the data, with --scale standard or robust"),
        Kind::Preprocess(PreprocessError::Negative { .. }) => {
            text("give the counts as they were counted, or leave out --library-size and --log1p")
        }
        Kind::Threshold(ThresholdError::TooFew { .. }) => text("use quantile:P or sigma:K"),
        Kind::Run(RunError::Occupied { .. }) => {
            text("choose another with `--out`, or continue that run with `cae resume`")
        }
        Kind::Run(RunError::Held { .. }) => text("wait for it, or choose another place with `--out`"),
        Kind::Run(RunError::NotBegun { .. }) => text("begin it again with the command that began it"),
        Kind::Image(ImageError::Size { .. }) => text("bring them to one size with --image-size WxH and --fit stretch"),
        Kind::Image(ImageError::TooSmall { .. }) => text("leave it out, or train with a smaller --patch"),
        Kind::Picture(PictureError::Broken { .. }) => {
            text("repair it, take it out, or pass over broken pictures with --skip-broken")
        }
        Kind::Picture(PictureError::Sizes { .. }) | Kind::Train(TrainError::SeveralSizes { .. }) => {
            text("give a size for all, such as --image-size 256x256")
        }
        Kind::Series(e) => of_series(e),
        Kind::Table(e) => of_table(e),
        Kind::Train(e) => of_training(e),
        _ => None,
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn of_dataset(error: &DatasetError) -> Option<String> {
    match error {
        DatasetError::Network { .. } => {
            text("try again, or get the file by other means and place it in a folder that --data-dir names")
        }
        DatasetError::NotFound { can_be_downloaded: false, .. } => {
            text("it has no official download: place the files in such a folder, or name another with --data-dir")
        }
        DatasetError::NotFound { is_offline: true, .. } => {
            text("downloading is switched off: run `cae data fetch` with a network, or name the folder with --data-dir")
        }
        DatasetError::NotFound { .. } => text("run `cae data fetch`, or name the folder with --data-dir"),
        DatasetError::Checksum { .. } => {
            text("delete it to have it downloaded again, or give it as a path to use it as it is")
        }
        DatasetError::NoPictures { setting, .. } => Some(format!("leave out {}", flag(setting))),
        DatasetError::TwoReadings { path, table, .. } => {
            let pattern = path.join(format!("*.{}", table.extension().unwrap_or_default().to_string_lossy()));
            let pattern = quoted(&pattern.to_string_lossy());
            Some(format!(
                "for the table give {pattern}; for the pictures take the tables out of the folder, or name one within it"
            ))
        }
        DatasetError::TooLarge { .. } => text("give fewer with --rows, or a smaller --image-size"),
        DatasetError::Columns { .. } => text("leave out --columns, --key, --categorical and --missing"),
        DatasetError::Setting { setting, .. } => Some(format!("leave out {}", flag(setting))),
        _ => None,
    }
}

/// The flag of a setting of the section `data`.
fn flag(setting: &str) -> String {
    format!("--{}", setting.trim_start_matches("data.").replace('_', "-"))
}

fn of_table(error: &TableError) -> Option<String> {
    match error {
        TableError::Cell { prefix: Some(_), .. } => {
            text("correct it, or make the column text by giving it a role: --key or --categorical")
        }
        TableError::Cell { prefix: None, got, .. } if got == "a missing value" => {
            text("fill or remove such rows, leave the column out, or train with --missing median")
        }
        TableError::Cell { prefix: None, .. } => text("fill or remove such rows, or leave the column out"),
        TableError::NotUtf8 { path, .. } => Some(format!(
            "save the file as UTF-8, for example with `iconv -f WINDOWS-1252 -t UTF-8 {}`",
            quoted(&path.to_string_lossy())
        )),
        TableError::Spelled { column, spelling, .. } => Some(of_spelling(spelling, column)),
        TableError::ColumnKind { column, .. } => Some(format!(
            "if it holds labels, name it with --label-column {0}; else carry it along with --key {0}, or leave it out by \
             naming the others with --columns",
            quoted(column)
        )),
        TableError::FirstLine { is_hole: true, .. } => {
            text("if the line is a row, fill that cell or remove the row; if it is the header, name that column")
        }
        TableError::FirstLine { .. } => text(
            "if the line is a row, say so with --header false or add a header line above that names the columns; if it \
             is the header, say so with --header true",
        ),
        TableError::NoRows { header_has_numbers: true, .. } => {
            text("the first line was read as the columns' names: if it is a row, give it a header line above")
        }
        TableError::Ragged { .. } => text(
            "a cell that holds the separator or a line break must stand in quotes, and a quote that is opened must be \
             closed",
        ),
        TableError::NoSuchArray { .. } => text("choose one with --array"),
        TableError::SameColumn { .. } => text("give each a name of its own"),
        TableError::Dense { .. } => text(
            "train with --stream, which fills in the zeros of a few rows at a time, or use fewer rows with --rows; `cae \
             detect` reads any number of rows",
        ),
        TableError::Truncated { .. } => text("fetch it again"),
        TableError::NonFinite { .. } => text("fill or remove such rows"),
        TableError::Folder { .. } => text("name a file in it"),
        TableError::NotAFile { .. } => {
            text("write the rows to a file first; `cae detect` takes them as CSV from `--data -`")
        }
        _ => None,
    }
}

/// What reads numbers of another spelling. Signs no setting takes away.
fn of_spelling(spelling: &Spelling, column: &str) -> String {
    let role = format!("if they are names, give --key {0} or --categorical {0}", quoted(column));
    if spelling.sign.is_some() || (spelling.decimal, spelling.thousands) == ('.', None) {
        return format!("write the numbers without the sign; or, {role}");
    }
    let flag = |name: &str, c: char| format!("--{name} {}", quoted(&c.to_string()));
    let decimal = (spelling.decimal == ',').then(|| flag("decimal", ','));
    let flags: Vec<String> = decimal.into_iter().chain(spelling.thousands.map(|c| flag("thousands", c))).collect();
    format!("give {}; or, {role}", flags.join(" "))
}

fn of_training(error: &TrainError) -> Option<String> {
    Some(match error {
        TrainError::Diverged { term, step, last_good, .. } => {
            let mut text = "lower --learning-rate or set --clip".to_owned();
            if last_good.is_some() {
                text += ", which `cae resume` takes too, to go on from there";
            }
            // Before the first update, or in the penalty itself, the learning rate is not at fault.
            if *step <= 1 || term.contains("penalty") || term.contains("jacobian") {
                text += "; or lower --contraction, or look at the settings of --penalty and at the scale of the data \
                         (--scale)";
            }
            text
        }
        TrainError::Resume { .. } => "go on with the settings that the run began with, or begin another run".to_owned(),
        TrainError::OtherData { .. } => "give the same data with --data, or begin another run".to_owned(),
        TrainError::NoTrainingRows { .. } => {
            "lower --validation (0 holds out none) or use more rows (--rows)".to_owned()
        }
        TrainError::NoBatch { .. } => {
            "lower --batch-size, or keep the last partial batch (--set training.keep_last_partial_batch=true)"
                .to_owned()
        }
        TrainError::NotAStream { .. } => "leave --stream out".to_owned(),
        TrainError::Changed { .. } => "begin the run again".to_owned(),
        _ => return None,
    })
}

/// Remedies named for several columns at fault.
const MOST_REMEDIES: usize = 5;

fn of_encoding(error: &EncodingError) -> Option<String> {
    Some(match error {
        EncodingError::Several { errors, .. } => {
            let mut remedies: Vec<String> = Vec::new();
            for remedy in errors.iter().filter_map(of_encoding) {
                if !remedies.contains(&remedy) {
                    remedies.push(remedy);
                }
            }
            remedies.truncate(MOST_REMEDIES);
            format!("\nto mend them:{}", remedies.iter().map(|remedy| format!("\n  {remedy}")).collect::<String>())
        }
        EncodingError::MissingCell { .. } => {
            "fill it, remove the row, or have such cells filled: --missing median or mean, with --detector also mask"
                .to_owned()
        }
        EncodingError::EmptyRow { .. } => "remove the row".to_owned(),
        EncodingError::TwoRoles { .. } => "give it one".to_owned(),
        EncodingError::ManyLevels { column, most, .. } => format!(
            "carry it to the output with --key {0}, leave it out by naming the others with --columns, or give \
             --categorical {0} to keep its {most} most frequent values",
            quoted(column)
        ),
        EncodingError::WordAmongNumbers { column, .. } => format!(
            "correct it or empty it (see --missing), or, where the numbers are names, give --key {0} or --categorical {0}",
            quoted(column)
        ),
        EncodingError::Times { column, .. } => format!(
            "carry it to the output with --key {}, or leave it out by naming the others with --columns",
            quoted(column)
        ),
        EncodingError::NoValues { .. } => "leave it out by naming the others with --columns".to_owned(),
        EncodingError::ManyFeatures { .. } => "leave columns out with --columns".to_owned(),
        EncodingError::ManyRows { .. } => "train on a part of them with --rows".to_owned(),
        EncodingError::Columns { extra, .. } if !extra.is_empty() => {
            "remove unknown columns, or carry them to the output with --key".to_owned()
        }
        EncodingError::Order { .. } => {
            "put the columns in that order, or give --reorder to have them matched by name".to_owned()
        }
        _ => return None,
    })
}

fn of_import(error: &ImportError) -> Option<String> {
    match error {
        ImportError::NoSuchLayer { .. } | ImportError::Ambiguous { .. } => {
            text("give the encoder's layers with --layers and the decoder's with --decoder-layers, in their order")
        }
        ImportError::Unlinked { meets_turned: true, .. } => text("take them so with --kernel in-out"),
        ImportError::AmbiguousBiases { .. } => text("give them with --decoder-layers, in their order"),
        ImportError::NotTied { .. } => text("leave --tied out"),
        ImportError::Activation { setting, .. } => {
            Some(format!("give --{} relu, or another of those that --help names", setting.replace('_', "-")))
        }
        _ => None,
    }
}

fn of_merging(error: &MergeError) -> Option<String> {
    match error {
        MergeError::NoScore { .. } | MergeError::Line { .. } | MergeError::Table(_) => {
            text("--merge takes what `cae detect` writes as .csv, .parquet, .arrow or .jsonl, all of it")
        }
        MergeError::EmptyFolder { .. } => text("name the files that `cae detect` wrote"),
        MergeError::SameFile { .. } | MergeError::SameScores { .. } | MergeError::DoubledShard { .. } => {
            text("leave one out")
        }
        MergeError::MissingShard { shard } => {
            Some(format!("score it with `cae detect --shard {shard}`, and give it too"))
        }
        MergeError::OtherDetector { .. } => {
            text("score the part anew with this detector, or give the one that scored it")
        }
        MergeError::OtherScore { .. } => text("score the part anew without --score"),
        MergeError::AnomaliesOnly { .. } => text("score the part anew without --anomalies-only"),
        MergeError::Changed => text("start again when all parts are written"),
        MergeError::TooMany { .. } => text("use quantile:P, which needs no memory for them"),
        _ => None,
    }
}

fn of_onnx(error: &OnnxError) -> Option<String> {
    match error {
        OnnxError::Opset { .. } => text("give --opset a number in that range, or leave it out for 17"),
        OnnxError::TooLarge { .. } => text("train a smaller one, with fewer columns or a smaller --hidden"),
        OnnxError::Activation { .. } => text("train the detector again with `cae train --detector`"),
        OnnxError::NoConvolution { .. } => {
            text("give --rows for the graph of one patch, or train with `--scale none`, `standard` or `minmax`")
        }
        OnnxError::Column { .. } => text("give the column another name in the table, and train on that"),
        _ => None,
    }
}

fn of_labels(error: &LabelError) -> Option<String> {
    match error {
        LabelError::Unclear { .. } => text("name the label of anomalies with --anomaly"),
        LabelError::Absent { .. } => text("give --anomaly one of the file's labels"),
        LabelError::Nothing { .. } => text(
            "name with --labels the column that holds them, of an .npz archive the array, of .npy and IDX the file",
        ),
        _ => None,
    }
}

fn of_series(error: &SeriesError) -> Option<String> {
    Some(match error {
        SeriesError::Value { .. } => {
            "fill it, leave the row out, or carry the value before it on with --missing previous".to_owned()
        }
        SeriesError::TooShort { .. } => "give more rows or train with a smaller --window".to_owned(),
        SeriesError::Follow { .. } => "rename a file to rotate it, and begin the next one with later rows; or start `cae detect --follow` again to score \
             it from its beginning"
                .to_owned(),
        SeriesError::Setting { name: "followed file", .. } => {
            "score it without --follow, or follow a text file of one series".to_owned()
        }
        SeriesError::Order { .. } => "sort the rows by time".to_owned(),
        SeriesError::SeveralSeries { column, .. } => format!(
            "train with --series-key {}, or give each series a file of its own; where it is one series, sort its rows \
             by time, or count them with --time none",
            column.as_ref().map_or_else(|| "COLUMN".to_owned(), |column| quoted(column))
        ),
        SeriesError::WordAmongNumbers { .. } => {
            "correct it or empty it (see --missing), or name the columns of numbers with --values".to_owned()
        }
        _ => return None,
    })
}
