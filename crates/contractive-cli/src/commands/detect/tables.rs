//! `cae detect` of a table: its rows in pieces, each with its score.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use contractive_anomaly::detector::{
    Admission, Detector, FrameScorer, ScoreOptions, ScoreOrigin, ScoredFrame, is_detector,
};
use contractive_report::{TableMeter, table_html};
use contractive_table::{Frame, FrameReader, FrameWriter};

use super::Detect;
use super::rows::{Layout, bar, called, filtered};
use super::series::arguments::check_rule_of;
use super::summary::Summary;
use crate::detector_training::score_kind;
use crate::detectors::no_detector;
use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::numbers::{count, grouped, percent, significant};
use crate::output::{print_json, say_notes, write_file};
use crate::progress::Reporting;
use crate::terminal::say;

impl Detect {
    /// Scores a table.
    pub(super) fn run_tables(&self, threads: usize) -> anyhow::Result<Ending> {
        let output = self.target()?;
        if !is_detector(&self.detector) {
            return Err(no_detector(&self.detector).into());
        }
        let detector = self.with_wishes(Detector::load(&self.detector)?)?;
        let text = self.text.options(Some(&self.data.to_string_lossy()))?;
        let admission = Admission { carried: self.key.clone(), may_reorder: self.reorder, text };
        let (scorer, frames) = FrameScorer::open(&detector, &self.data, &admission, self.array.as_deref())?;
        if !self.quiet && !self.json {
            say_notes(frames.notes());
        }
        let summary = Summary {
            score: detector.settings().score.name(),
            rule: detector.settings().threshold.to_string(),
            threshold: detector.threshold(),
            output: output.clone(),
            report: self.report.clone(),
            notes: frames.notes().to_vec(),
            ..Summary::default()
        };
        self.score_rows(&detector, (&scorer, frames), output.as_deref(), summary, threads)
    }

    /// Scores the rows and writes what was asked for: the rows to `output`, the page to its place.
    fn score_rows(
        &self,
        detector: &Detector,
        (scorer, frames): (&FrameScorer<'_>, FrameReader),
        output: Option<&Path>,
        mut summary: Summary,
        threads: usize,
    ) -> anyhow::Result<Ending> {
        let layout = Layout::new(scorer, &frames, (self.explain(), self.explain_all));
        // Ctrl-C ends a pipe at once; a file under way has to be taken away first.
        let has_file = self.report.is_some() || output != Some(Path::new("-"));
        let stop = if has_file { stop_flag(Reporting::Quiet)? } else { Arc::default() };
        let origin = ScoreOrigin {
            shard: self.shard.to_string(),
            anomalies_only: self.anomalies_only,
            ..detector.score_origin()
        };
        let begin = |path| FrameWriter::saying(path, &layout.fields, ScoreOrigin::KEY, &origin.to_json());
        let mut writer = output.map(begin).transpose()?;
        let mut meter = self.report.is_some().then(|| TableMeter::new(detector, scorer));
        let bar = bar(&self.data, frames.n_rows(), output, Reporting::new(self.json, self.quiet));
        for frame in frames {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let frame = frame?;
            let read = frame.first_row + frame.n_rows() as u64;
            for piece in self.shard.pieces(frame) {
                let scored = self.scored(scorer, &piece, meter.as_ref(), threads)?;
                summary.add(&scored);
                if let Some(meter) = &mut meter {
                    meter.add(&piece, &scored);
                }
                if let Some(writer) = &mut writer {
                    let rows = layout.frame(&piece, &scored);
                    let rows = if self.anomalies_only { filtered(rows, &scored.scores.label) } else { rows };
                    writer.write(&rows)?;
                }
            }
            bar.show(read);
        }
        drop(bar);
        if stop.load(Ordering::Relaxed) {
            drop(writer);
            let files: Vec<String> = self.files(output).iter().map(|path| path.display().to_string()).collect();
            let were = if files.len() == 1 { "was" } else { "were" };
            say(format!("stopped; {} {were} not written", files.join(" and ")));
            return Ok(Ending::Interrupted);
        }
        let page = meter.map(|meter| self.page(meter, &summary)).transpose()?;
        if let Some(writer) = writer {
            writer.finish()?;
        }
        if let (Some(path), Some(page)) = (&self.report, page) {
            write_file(path, page.as_bytes())?;
        }
        self.say(&summary, output)?;
        let has_failed = self.fail_on_anomaly && summary.anomalies > 0;
        Ok(if has_failed { Ending::FoundAnomalies } else { Ending::Done })
    }

    /// The page of the rows that went by.
    fn page(&self, meter: TableMeter<'_>, summary: &Summary) -> anyhow::Result<String> {
        let (name, place) = called(&self.data, self.shard);
        let mut notes = summary.notes.clone();
        notes.extend(summary.cells_in_words());
        table_html(&meter.finish(name, place, notes)).context("cannot make the report")
    }

    /// What is written, standard output among it.
    fn files<'a>(&'a self, output: Option<&'a Path>) -> Vec<&'a Path> {
        output.into_iter().chain(self.report.as_deref()).collect()
    }

    /// The detector with the score and the threshold asked for.
    fn with_wishes(&self, mut detector: Detector) -> anyhow::Result<Detector> {
        if let Some(name) = &self.score {
            let own = detector.settings();
            check_rule_of(own.threshold, own.score, name, self.threshold)?;
            detector.set_score(score_kind(name))?;
        }
        if let Some(rule) = self.threshold {
            detector.set_threshold(rule)?;
        }
        Ok(detector)
    }

    fn explain(&self) -> usize {
        self.explain.unwrap_or(3)
    }

    /// The scores of a piece, with contributions where the output or the page wants them: a second look at some rows costs
    /// less than explaining all, and gives the same numbers.
    fn scored(
        &self,
        scorer: &FrameScorer<'_>,
        piece: &Frame,
        meter: Option<&TableMeter<'_>>,
        threads: usize,
    ) -> anyhow::Result<ScoredFrame> {
        let options = |contributions| ScoreOptions { contributions, threads };
        let is_for_all = self.explain() > 0 && self.explain_all;
        let mut scored = scorer.score(piece, &options(is_for_all))?;
        let wanted = match meter {
            Some(meter) => meter.wanted(&scored.scores),
            None if self.explain() > 0 => scored.scores.label.clone(),
            None => Vec::new(),
        };
        if is_for_all || !wanted.contains(&true) {
            return Ok(scored);
        }
        let explained = scorer.score(&filtered(piece.clone(), &wanted), &options(true))?.scores;
        let d = scored.scores.n_features;
        let mut all = vec![0.0; wanted.len() * d];
        for (i, r) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(r, _)| r).enumerate() {
            all[r * d..][..d].copy_from_slice(explained.contributions_of(i).unwrap_or_default());
        }
        scored.scores.contributions = Some(all);
        Ok(scored)
    }

    fn say(&self, summary: &Summary, output: Option<&Path>) -> anyhow::Result<()> {
        if self.json {
            return print_json(summary);
        }
        if self.quiet {
            return Ok(());
        }
        let share = summary.anomalies as f64 / summary.rows.max(1) as f64;
        let shown = |path: &Path| match path == Path::new("-") {
            true => "standard output".into(),
            false => path.display().to_string(),
        };
        say(format!(
            "{}: {} above the threshold {}, {}; written to {}",
            count(summary.rows, "row"),
            grouped(summary.anomalies),
            significant(summary.threshold, 5),
            percent(share),
            self.files(output).into_iter().map(shown).collect::<Vec<String>>().join(" and ")
        ));
        say_notes(&summary.cells_in_words());
        if summary.rows_without_score > 0 {
            say(format!(
                "note: {}: every cell is missing, and there is no score",
                count(summary.rows_without_score, "row")
            ));
        }
        Ok(())
    }
}
