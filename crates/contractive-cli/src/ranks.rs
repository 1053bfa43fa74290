//! What a command of several ranks does otherwise than one of a process alone.

use std::fs;

use contractive::TrainConfig;
use contractive_core::communicator::{CommunicationError, Group};

use crate::arguments::OutputArguments;
use crate::progress::Reporting;

/// What rank 0 makes; the others have nothing, and go on only where it was made.
pub(crate) fn of_first<T>(group: &Group, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    group.agree(group.is_first().then(make).transpose())
}

/// The configuration that rank 0 has: its run directory may lie where the others see nothing.
pub(crate) fn config_of_first(config: Option<&TrainConfig>, group: &Group) -> anyhow::Result<TrainConfig> {
    let text = of_first(group, || Ok(config.map(TrainConfig::to_toml).transpose()?))?.flatten();
    let text = group.of_first(text.unwrap_or_default().into_bytes())?;
    Ok(TrainConfig::from_stated("the run of rank 0", &String::from_utf8_lossy(&text))?)
}

/// What a run shows: of several ranks the first one speaks.
pub(crate) fn reporting(output: &OutputArguments, group: &Group) -> Reporting {
    if group.is_first() { output.reporting() } else { Reporting::Quiet }
}

/// Threads of this rank: the number set, else the cores that it may use, divided by the ranks that may use the same.
pub(crate) fn threads(config: &TrainConfig, group: &Group) -> Result<usize, CommunicationError> {
    if let (true, _) | (_, Some(_)) = (group.is_alone(), config.training.threads) {
        return Ok(config.threads());
    }
    share_of_cores(config.threads(), group)
}

/// What one rank has of `threads` threads, one a core that it may use.
pub(crate) fn share_of_cores(threads: usize, group: &Group) -> Result<usize, CommunicationError> {
    let own = cores();
    let all = group.gather_bytes(own.clone().into_bytes())?;
    let sharing = all.iter().filter(|other| **other == own.as_bytes()).count();
    Ok((threads / sharing.max(1)).max(1))
}

/// This machine, and which of its cores the process may use: launchers bind ranks to some. Where the system does not say so,
/// all ranks count as one machine's.
fn cores() -> String {
    let line = |text: &str| text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).map(str::to_owned);
    let machine = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let allowed = fs::read_to_string("/proc/self/status").ok().and_then(|text| line(&text)).unwrap_or_default();
    format!("{} {}", machine.trim(), allowed.trim())
}

#[cfg(test)]
mod tests {
    use contractive_core::communicator::in_process;

    use super::*;

    #[test]
    fn ranks_on_the_same_cores_share_them() {
        let cores = TrainConfig::default().threads();
        std::thread::scope(|scope| {
            for group in in_process(3) {
                scope.spawn(move || {
                    let mut config = TrainConfig::default();
                    assert_eq!(threads(&config, &group).unwrap(), (cores / 3).max(1));
                    config.training.threads = Some(5);
                    assert_eq!(threads(&config, &group).unwrap(), 5);
                });
            }
        });
    }

    #[test]
    fn what_rank_0_cannot_make_ends_all() {
        std::thread::scope(|scope| {
            for group in in_process(2) {
                scope.spawn(move || {
                    let made = of_first(&group, || Ok(group.rank())).unwrap();
                    assert_eq!(made, group.is_first().then_some(0));
                    let error = of_first::<()>(&group, || anyhow::bail!("the disk is full")).unwrap_err();
                    assert!(error.to_string().contains("the disk is full"), "{error}");
                });
            }
        });
    }
}
