//! What a sweep leaves: its table, its files and its page.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contractive_report::{RunRecord, comparison_html};
use serde::Serialize;

use super::columns;
use super::crew::Crew;
use super::one_run::Ground;
use super::plan::{Plan, Purpose};
use super::result::{RunResult, State};
use super::results_files::{self, FILES, Results};
use super::table::Table;
use crate::arguments::OutputArguments;
use crate::browser;
use crate::errors::Usage;
use crate::exit::with_causes;
use crate::numbers::count;
use crate::output::{print, print_json_line, write_file};
use crate::progress::Reporting;
use crate::reports::REPORT_FILE;
use crate::shell::quoted;
use crate::table::pairs;
use crate::terminal::say;

/// Most runs that a page compares: lines of more cannot be told apart.
const MOST_ON_PAGE: usize = 30;

/// A sweep after its last run.
pub(crate) struct SweepEnd<'a> {
    /// Which runs.
    pub(crate) plan: &'a Plan,
    /// Where they lie, and their rows.
    pub(crate) ground: &'a Ground<'a>,
    /// How many are measured at once.
    pub(crate) crew: Crew,
    /// What they came to.
    pub(crate) results: &'a [RunResult],
    /// Whether runs are left because the user stopped it.
    pub(crate) is_stopped: bool,
}

#[derive(Serialize)]
struct EndEvent<'a> {
    event: &'static str,
    end: &'static str,
    folder: &'a Path,
    #[serde(flatten)]
    results: Results<'a>,
    report: Option<&'a Path>,
    resume: Option<String>,
}

/// The records of the runs shown, called by their legends.
fn named(shown: &[(usize, String)], records: &mut [Option<RunRecord>]) -> Vec<RunRecord> {
    let named = |(i, legend): &(usize, String)| {
        let mut record = records[*i].take()?;
        record.name.clone_from(legend);
        Some(record)
    };
    shown.iter().filter_map(named).collect()
}

impl SweepEnd<'_> {
    /// Makes the table, the files and the page, and says where they are.
    ///
    /// # Errors
    /// Where a model cannot be read or a file not be written.
    pub(crate) fn tell(&self, output: &OutputArguments) -> anyhow::Result<()> {
        let shown = if output.no_report || self.is_stopped { Vec::new() } else { self.shown() };
        let mut records = self.records(&shown)?;
        let columns = match self.plan.purpose {
            Purpose::Sweep => columns::of_sweep(self.plan, self.results),
            Purpose::Comparison => columns::of_comparison(&records),
        };
        let table = Table::new(self.plan, self.results, &columns);
        results_files::write(self.ground.folder, self.plan, self.results, &columns, &table)?;
        let report = self.write_page(&shown, &mut records)?;
        match output.reporting() {
            Reporting::Quiet => {}
            Reporting::Json => self.print_event(&table, report.as_deref())?,
            Reporting::Lines if self.is_stopped => {
                let done = self.results.iter().filter(|result| result.is_over()).count();
                let of = count(self.results.len(), "run");
                say(format!("stopped with {done} of {of} done; everything is saved. Go on with:\n  {}", self.resume()));
            }
            Reporting::Lines => print(&self.summary(&table, report.as_deref()))?,
        }
        if let Some(page) = report.as_deref().filter(|_| output.open)
            && let Err(e) = browser::open(page)
        {
            say(format!("warning: {e}"));
        }
        Ok(())
    }

    /// Runs that the page compares, with their legends: of each group the first seed that ended well; where all differ in the
    /// seed alone, all.
    fn shown(&self) -> Vec<(usize, String)> {
        let is_done = |i: &usize| self.results[*i].state == State::Finished;
        let groups = self.plan.groups();
        let runs: Vec<(usize, String)> = match groups.as_slice() {
            [(_, members)] => {
                let legend = |i: usize| (i, self.plan.legend(&self.plan.runs[i].words));
                members.iter().copied().filter(is_done).map(legend).collect()
            }
            _ => {
                let first = |(words, members): &(&[String], Vec<usize>)| {
                    Some((members.iter().copied().find(is_done)?, self.plan.legend(words)))
                };
                groups.iter().filter_map(first).collect()
            }
        };
        runs.into_iter().take(MOST_ON_PAGE).collect()
    }

    /// The records of the runs that the page or the table needs, in their places.
    fn records(&self, shown: &[(usize, String)]) -> anyhow::Result<Vec<Option<RunRecord>>> {
        let wanted: Vec<usize> = match self.plan.purpose {
            Purpose::Sweep => shown.iter().map(|(i, _)| *i).collect(),
            Purpose::Comparison if self.is_stopped => Vec::new(),
            Purpose::Comparison => {
                (0..self.results.len()).filter(|&i| self.results[i].state == State::Finished).collect()
            }
        };
        let mut records: Vec<Option<RunRecord>> = self.results.iter().map(|_| None).collect();
        let never = AtomicBool::new(false);
        let measured = self.crew.do_all(&wanted, &never, |&i| self.ground.record(&self.plan.runs[i]));
        for (i, record) in wanted.into_iter().zip(measured) {
            records[i] = record.transpose()?;
        }
        Ok(records)
    }

    /// The page of the runs beside each other; none where fewer than two are shown. One that cannot be drawn is a warning.
    fn write_page(
        &self,
        shown: &[(usize, String)],
        records: &mut [Option<RunRecord>],
    ) -> anyhow::Result<Option<PathBuf>> {
        let runs = named(shown, records);
        if runs.len() < 2 {
            return Ok(None);
        }
        let path = self.ground.folder.file(REPORT_FILE);
        match comparison_html(&runs) {
            Ok(page) => write_file(&path, page.as_bytes())?,
            Err(e) => {
                say(format!("warning: no report could be made: {}", with_causes(&e.into())));
                return Ok(None);
            }
        }
        Ok(Some(path))
    }

    /// Makes that page anew, at `target`.
    ///
    /// # Errors
    /// [`Usage`] where there are fewer than two runs to be shown; a page that cannot be drawn.
    pub(crate) fn remake_page(&self, target: &Path) -> anyhow::Result<()> {
        let shown = self.shown();
        if shown.len() < 2 {
            let text = format!(
                "a page compares at least two runs that ended well, and {} has {}; go on with {}",
                self.folder(),
                count(shown.len(), "such run"),
                self.resume()
            );
            return Err(Usage(text).into());
        }
        let mut records = self.records(&shown)?;
        Ok(write_file(target, comparison_html(&named(&shown, &mut records))?.as_bytes())?)
    }

    fn resume(&self) -> String {
        format!("cae resume {}{}", self.folder(), self.ground.rows.source().as_typed())
    }

    fn folder(&self) -> String {
        quoted(&self.ground.folder.path().to_string_lossy())
    }

    fn print_event(&self, table: &Table<'_>, report: Option<&Path>) -> anyhow::Result<()> {
        print_json_line(&EndEvent {
            event: "end",
            end: if self.is_stopped { "interrupted" } else { "finished" },
            folder: self.ground.folder.path(),
            results: Results { settings: &self.plan.settings, table: &table.rows, runs: self.results },
            report,
            resume: self.is_stopped.then(|| self.resume()),
        })
    }

    fn summary(&self, table: &Table<'_>, report: Option<&Path>) -> String {
        let mut text = format!("\n{}", table.text());
        text += &self.notes(table);
        let place = |name: &str| quoted(&self.ground.folder.file(name).to_string_lossy());
        let mut made: Vec<(&str, String)> = Vec::new();
        made.extend(report.map(|page| ("  report", quoted(&page.to_string_lossy()))));
        made.push(("  numbers", format!("{}: {}", self.folder(), FILES.join(", "))));
        let mut next = Vec::new();
        if let Some(run) = self.best(table) {
            let source = self.ground.rows.source().as_typed();
            let run = place(&self.plan.runs[run].folder);
            next.push((format!("  cae report {run}{source} --open"), "the page of one run".to_owned()));
            next.push((format!("  cae evaluate {run}{source}"), "judge it".to_owned()));
        }
        let next: Vec<(&str, String)> = next.iter().map(|(command, what)| (command.as_str(), what.clone())).collect();
        text + "\n" + &pairs(&made) + if next.is_empty() { "" } else { "\nnext\n" } + &pairs(&next)
    }

    /// The run that commands are offered for: the first seed of the best settings, else the first that ended well.
    fn best(&self, table: &Table<'_>) -> Option<usize> {
        let is_done = |i: &usize| self.results[*i].state == State::Finished;
        let groups = self.plan.groups();
        let of_best = table.best().and_then(|row| groups[row].1.iter().copied().find(is_done));
        of_best.or_else(|| (0..self.results.len()).find(is_done))
    }

    /// How the table is to be read.
    fn notes(&self, table: &Table<'_>) -> String {
        let mut notes = Vec::new();
        if table.rows.iter().any(|row| row.runs > 1) {
            notes.push("mean ± standard deviation over the seeds".to_owned());
        }
        if table.rows.iter().any(|row| !row.best_in.is_empty()) {
            notes.push("* the least of its column".to_owned());
        }
        let mut text = if notes.is_empty() { String::new() } else { format!("{}\n", notes.join("; ")) };
        text += match self.plan.purpose {
            Purpose::Sweep => "losses are the reconstruction alone, without penalty and sparsity, of the epoch kept\n",
            Purpose::Comparison => COMPARISON_NOTES,
        };
        if self.plan.purpose == Purpose::Sweep && self.plan.settings.iter().any(|name| name == "contraction") {
            text += "no contraction mostly reconstructs best: weigh the loss against ‖J‖\n";
        }
        let diverged: Vec<&RunResult> = self.results.iter().filter(|r| r.state == State::Diverged).collect();
        if !diverged.is_empty() {
            let names: Vec<String> = diverged.iter().map(|r| quoted(&r.run.to_string_lossy())).collect();
            text += &format!("{} diverged: {}\n", count(diverged.len(), "run"), names.join(", "));
        }
        text
    }
}

const COMPARISON_NOTES: &str = "\
One budget for all, none tuned by itself: another strength of a kind gives other numbers. On rows not trained on:
squared error a row; ‖J‖ of the encoder; ‖J‖²/var its square over the variance of the code, which shrinking the code does
not lower; near 0: share of the code's numbers up to a tenth (of the bound of a sigmoid or tanh code, else of the
largest); moved S: how far Gaussian noise of deviation S moves the code, over the code's own deviation; dim: directions
that J follows (participation ratio)
";
