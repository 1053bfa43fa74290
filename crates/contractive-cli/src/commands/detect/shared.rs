//! `cae-mpi detect`: each rank scores a part of the rows, and writes it to a file of its own.

use std::path::PathBuf;

use contractive_anomaly::detector::Shard;
use contractive_anomaly::series::is_series_detector;
use contractive_core::communicator::Group;

use super::Detect;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::output::print;
use crate::ranks::share_of_cores;

/// Where the number of the rank goes in the name of an output.
const RANK: &str = "{rank}";

/// Scores the part of this rank.
pub(in crate::commands) fn run(mut command: Detect, group: &Group) -> anyhow::Result<Ending> {
    if group.is_alone() {
        return command.run();
    }
    let pattern = check(&command)?;
    let (rank, size) = (group.rank() as u64, group.size() as u64);
    command.shard = Shard::new(rank + 1, size).unwrap_or_default();
    command.output = Some(PathBuf::from(pattern.replace(RANK, &rank.to_string())));
    if command.threads.is_none() {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        command.threads = u16::try_from(share_of_cores(cores, group)?).ok();
    }
    let is_quiet = std::mem::replace(&mut command.quiet, true);
    let ending = group.agree(command.run())?;
    let any = |of: Ending| Ok::<bool, anyhow::Error>(group.each(f64::from(u8::from(ending == of)))?.contains(&1.0));
    let (has_stopped, has_found) = (any(Ending::Interrupted)?, any(Ending::FoundAnomalies)?);
    if has_stopped {
        return Ok(Ending::Interrupted);
    }
    if group.is_first() && !is_quiet {
        print(&format!("{size} ranks scored a part each: {pattern}, ranks from 0\n"))?;
    }
    Ok(if has_found { Ending::FoundAnomalies } else { ending })
}

/// The name of the outputs, where all else is for several ranks.
fn check(command: &Detect) -> Result<String, Usage> {
    let refused = |text: &str| Err(Usage(text.to_owned()));
    if is_series_detector(&command.detector) {
        return refused("time series are for `cae detect`, in one process");
    }
    if command.shard != Shard::default() {
        return refused("--shard is for `cae detect`; of several ranks each takes a part by itself");
    }
    if command.report.is_some() || command.json {
        return refused("--report and --json are for `cae detect`: no rank sees all rows");
    }
    match command.output.as_ref().map(|output| output.to_string_lossy().into_owned()) {
        Some(pattern) if pattern.contains(RANK) => Ok(pattern),
        _ => refused("each rank writes a file of its own: give -o with {rank} in it, as in -o 'scores-{rank}.parquet'"),
    }
}
