//! `cae data`: the registered data sets, and what a file holds.

mod info;
mod pictures;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use contractive::encoding::{TableDiagnosis, has_columns};
use contractive_datasets::registry::{self, FileState, Registered};
use contractive_datasets::{DataSpec, Part, Source};
use contractive_table::listing::some_names;
use serde_json::{Value, json};

use crate::arguments::{RowArguments, SourceArguments, TextArguments};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::introduction::pixels;
use crate::numbers::{bytes, count, grouped};
use crate::output::{check_folder, print, print_json};
use crate::sources::{Downloads, load};
use crate::table::{Side, aligned, pairs};
use pictures::PicturesInfo;

/// List, fetch and verify data sets; describe a file.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Data {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the registered data sets and whether they are here.
    List {
        #[command(flatten)]
        source: SourceArguments,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Download a data set from its official source, checking every file's SHA-256 sum.
    Fetch {
        /// The registered name.
        name: String,
        /// Folder in which the set's own folder is made [default: the user's cache].
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Show no progress.
        #[arg(long, short)]
        quiet: bool,
    },
    /// Check a data set's files against their published SHA-256 sums. Exit code 3 if one is wrong, 1 if one is missing.
    Verify {
        /// The registered name.
        name: String,
        #[command(flatten)]
        source: SourceArguments,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Describe data: rows, features, range, labels; of a table what each column looks like, and the command to train on it.
    Info {
        /// A registered name (`mnist`, `mnist:test`) or a file.
        spec: String,
        #[command(flatten)]
        source: SourceArguments,
        /// Column of a CSV, Parquet or Arrow table that holds labels.
        #[arg(long, value_name = "NAME", help_heading = "Data")]
        label_column: Option<String>,
        /// Array of an .npz archive, by default X, or the only table; of an .h5ad file raw, layers/NAME or obsm/NAME, by
        /// default X.
        #[arg(long, value_name = "NAME", help_heading = "Data")]
        array: Option<String>,
        /// The rows are the columns of the file.
        #[arg(long, help_heading = "Data")]
        transpose: bool,
        #[command(flatten)]
        text: TextArguments,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

const AFTER_HELP: &str = "\
Examples:
  cae data list
  cae data fetch fashion-mnist
  cae data verify mnist --data-dir ~/data
  cae data info table.csv";

impl Data {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        match self.action {
            Action::List { source, json } => list(&source, json),
            Action::Fetch { name, into, json, quiet } => fetch(&name, into, json, quiet),
            Action::Verify { name, source, json } => verify(&name, &source.source(), json),
            Action::Info { spec, source, label_column, array, transpose, text, json } => info(
                &spec,
                &RowArguments {
                    data: Some(spec.clone()),
                    label_column,
                    array,
                    transpose: Some(transpose),
                    text,
                    source,
                    ..RowArguments::default()
                },
                json,
            ),
        }
    }
}

/// The folder of a set's files, if every part is found.
fn folder_of(set: &Registered, source: &Source) -> Option<PathBuf> {
    let parts: Vec<_> =
        set.parts.iter().map(|part| registry::locate(set.name, part.part, source).ok().flatten()).collect();
    let first = parts.iter().all(Option::is_some).then(|| parts.into_iter().flatten().next())??;
    first.images.parent().map(PathBuf::from)
}

fn list(source: &SourceArguments, is_json: bool) -> anyhow::Result<Ending> {
    let options = source.source();
    let state = |set: &Registered| match folder_of(set, &options) {
        _ if set.is_built_in() => ("built_in", "built in".to_owned()),
        Some(folder) => ("here", folder.display().to_string()),
        None if set.can_be_downloaded() => ("to_be_fetched", format!("`cae data fetch {}`", set.name)),
        None => ("missing", "not here; it has no official download".to_owned()),
    };
    if is_json {
        let sets: Vec<Value> = registry::all()
            .iter()
            .map(|set| {
                json!({
                    "name": set.name, "description": set.description, "licence": set.licence,
                    "train_rows": set.rows.0, "test_rows": set.rows.1,
                    "height": set.image_shape.0, "width": set.image_shape.1, "classes": set.class_names,
                    "state": state(set).0, "folder": folder_of(set, &options),
                })
            })
            .collect();
        print_json(&sets)?;
        return Ok(Ending::Done);
    }
    let mut rows = vec![["name", "train", "test", "pixels", "where"].map(str::to_owned).to_vec()];
    for set in registry::all() {
        let (height, width) = set.image_shape;
        rows.push(vec![
            set.name.to_owned(),
            grouped(set.rows.0),
            grouped(set.rows.1),
            format!("{height} x {width}"),
            state(set).1,
        ]);
    }
    let described: Vec<(&str, String)> = registry::all()
        .iter()
        .map(|set| (set.name, format!("{} (licence: {})", set.description, set.licence)))
        .collect();
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Left];
    print(&format!("{}\n{}", aligned(&sides, &rows), pairs(&described)))?;
    Ok(Ending::Done)
}

fn fetch(name: &str, into: Option<PathBuf>, is_json: bool, is_quiet: bool) -> anyhow::Result<Ending> {
    let Some(into) = into.or_else(registry::cache_dir) else {
        return Err(Usage("neither $XDG_CACHE_HOME nor $HOME names a cache; give --into DIR".into()).into());
    };
    check_folder(&into).map_err(|source| contractive::run::RunError::Write { path: into.clone(), source })?;
    let paths = {
        let mut downloads = Downloads::new(is_quiet || is_json);
        registry::fetch(name, &into, &mut |file, done, all| downloads.tell(file, done, all))?
    };
    if is_json {
        print_json(&json!({ "name": name, "files": paths }))?;
    } else if paths.is_empty() {
        print(&format!("{name} is built in and needs no files\n"))?;
    } else {
        let lines: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
        print(&lines)?;
    }
    Ok(Ending::Done)
}

fn verify(name: &str, source: &Source, is_json: bool) -> anyhow::Result<Ending> {
    let statuses = registry::verify(name, source)?;
    let word = |state: &FileState| match state {
        FileState::Missing => "missing",
        FileState::Sound => "sound",
        FileState::Wrong { .. } => "wrong",
    };
    if is_json {
        let files: Vec<Value> = statuses
            .iter()
            .map(|status| {
                let got = match &status.state {
                    FileState::Wrong { got } => Some(got),
                    _ => None,
                };
                json!({
                    "file": status.file.name, "path": status.path, "state": word(&status.state),
                    "bytes": status.file.size, "sha256": status.file.sha256, "got": got,
                })
            })
            .collect();
        print_json(&json!({ "name": name, "files": files }))?;
    } else if statuses.is_empty() {
        print(&format!("{name} is built in and needs no files\n"))?;
    } else {
        let rows: Vec<Vec<String>> = statuses
            .iter()
            .map(|status| {
                let place = status.path.as_ref().map_or_else(
                    || format!("{} ({})", status.file.name, bytes(status.file.size)),
                    |path| path.display().to_string(),
                );
                let remedy = match &status.state {
                    FileState::Missing => format!("fetch it with `cae data fetch {name}`"),
                    FileState::Sound => format!("sha256 {}…", &status.file.sha256[..12]),
                    FileState::Wrong { got } => format!("sha256 {got}; delete it and fetch it again"),
                };
                vec![word(&status.state).to_owned(), place, remedy]
            })
            .collect();
        print(&aligned(&[Side::Left; 3], &rows))?;
    }
    let is = |wanted: &str| statuses.iter().any(|status| word(&status.state) == wanted);
    Ok(match (is("wrong"), is("missing")) {
        (true, _) => Ending::FoundBadData,
        (false, true) => Ending::NotFound,
        (false, false) => Ending::Done,
    })
}

fn info(text: &str, arguments: &RowArguments, is_json: bool) -> anyhow::Result<Ending> {
    let spec: DataSpec = text.parse()?;
    if let Some(path) = spec.pictures() {
        let info = PicturesInfo::of(path)?;
        if is_json {
            print_json(&info.json())?
        } else {
            print(&info.in_words())?
        }
        return Ok(Ending::Done);
    }
    let options = arguments.load_options()?;
    let table = match spec.path() {
        Some(path) if has_columns(path) == Some(true) && path != Path::new("-") && !options.file.transpose => {
            Some(TableDiagnosis::of(path, options.file.text)?)
        }
        _ => None,
    };
    let data = match (load(&spec, Part::Train, &options, is_json), &table) {
        (Ok(data), _) => data,
        // What cannot be trained on as it stands is described all the same.
        (Err(_), Some(table)) if arguments.label_column.is_none() => return describe(text, table, arguments, is_json),
        (Err(e), _) => return Err(e.into()),
    };
    if let Some(table) = table.as_ref().filter(|_| data.encoding().is_some()) {
        return describe(text, table, arguments, is_json);
    }
    let (lowest, highest) = data.range();
    let mut classes: Vec<i64> = data.labels().unwrap_or_default().to_vec();
    classes.sort_unstable();
    classes.dedup();
    if is_json {
        print_json(&json!({
            "name": data.name(), "rows": data.len(), "features": data.n_features(),
            "image_shape": data.picture_shape().map(|shape| (shape.height, shape.width)),
            "channels": data.picture_shape().map(|shape| shape.channels), "feature_names": data.feature_names(),
            "lowest": lowest, "highest": highest, "classes": data.labels().map(|_| classes.len()),
            "class_names": data.class_names(), "sha256": data.sha256(), "notes": data.notes(),
            "columns": table.as_ref().map(|table| &table.columns),
            "commands": table.as_ref().map(|table| info::commands(text, table)),
        }))?;
        return Ok(Ending::Done);
    }
    let mut lines = vec![("data", data.name().to_owned()), ("rows", grouped(data.len()))];
    lines.push(match data.picture_shape() {
        Some(shape) => ("features", format!("{} (images of {})", data.n_features(), pixels(shape))),
        None => ("features", grouped(data.n_features())),
    });
    lines.push(("range", format!("{lowest} to {highest}")));
    if let Some(names) = data.feature_names() {
        lines.push(("columns", some_names(names)));
    }
    if data.labels().is_some() {
        let names = data.class_names().map_or_else(String::new, |names| format!(": {}", some_names(names)));
        lines.push(("labels", format!("{}{names}", count(classes.len(), "class").replace("classs", "classes"))));
    }
    lines.extend(data.sha256().map(|sum| ("sha256", sum.to_owned())));
    lines.extend(data.notes().iter().map(|note| ("note", note.clone())));
    let columns = table.map(|table| format!("\n{}", info::in_words(text, &table, &options.file.text)));
    print(&(pairs(&lines) + &columns.unwrap_or_default()))?;
    Ok(Ending::Done)
}

/// Says what a table holds that is no table of numbers.
fn describe(text: &str, table: &TableDiagnosis, arguments: &RowArguments, is_json: bool) -> anyhow::Result<Ending> {
    if is_json {
        print_json(&json!({
            "name": text, "rows": table.rows, "columns": table.columns, "notes": table.notes,
            "commands": info::commands(text, table),
        }))?;
        return Ok(Ending::Done);
    }
    let mut lines = vec![("data", text.to_owned()), ("rows", grouped(table.rows as usize))];
    lines.extend(table.notes.iter().map(|note| ("note", note.clone())));
    let options = arguments.load_options()?.file.text;
    print(&format!("{}\n{}", pairs(&lines), info::in_words(text, table, &options)))?;
    Ok(Ending::Done)
}
