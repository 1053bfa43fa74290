//! The training of a detector's networks as it goes: a line a network, and the time left.

use std::sync::atomic::{AtomicU64, Ordering};

use contractive_anomaly::detector::MemberReport;

use crate::numbers::{duration, significant};
use crate::progress::Reporting;
use crate::work_bar::{Size, WorkBar};

/// What is shown while networks are trained.
pub(crate) struct MembersBar {
    bar: WorkBar,
    done: AtomicU64,
}

impl MembersBar {
    /// Of so many networks.
    pub(crate) fn new(reporting: Reporting, networks: usize) -> Self {
        let bar = WorkBar::new(reporting, Size::Known(networks as u64), "networks").without_lines();
        bar.show(0);
        MembersBar { bar, done: AtomicU64::new(0) }
    }

    /// Writes a line beside the bar.
    pub(crate) fn say(&self, line: &str) {
        self.bar.say(line);
    }

    /// Says that a network is done, and how long the others will take.
    pub(crate) fn show(&self, m: &MemberReport) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let left = self.bar.next(done).filter(|left| *left > 0.0);
        let left = left.map_or_else(String::new, |left| format!("; {} left", duration(left)));
        self.bar.say(&(member_line(m) + &left));
    }
}

/// How the training of a member ended.
fn member_line(m: &MemberReport) -> String {
    let (member, validation, time) = (m.member + 1, significant(m.validation, 4), duration(m.seconds));
    format!("network {member}/{}: {} of {} steps, validation {validation}, {time}", m.members, m.steps, m.most_steps)
}
