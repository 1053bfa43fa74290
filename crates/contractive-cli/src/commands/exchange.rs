//! `cae-mpi bench`: what an exchange of the ranks takes.

use std::time::{Duration, Instant};

use clap::Args;
use contractive_core::communicator::Group;
use serde::Serialize;

use crate::exit::Ending;
use crate::numbers::bytes;
use crate::output::{print, print_json_line};

/// Measure the sum over all ranks that a training step waits for.
///
/// A step sends 8 bytes a parameter. Each size is summed again and again for a while; the time of one exchange is the median, of
/// rank 0. The bandwidth is the size over the time.
#[derive(Args)]
pub(crate) struct Exchange {
    /// Numbers of 8 bytes a sum, each from 1 to 100,000,000; separated by commas.
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_values_t = [1, 1_000, 10_000, 100_000, 1_000_000],
        value_parser = clap::value_parser!(u32).range(1..=100_000_000)
    )]
    numbers: Vec<u32>,
    /// Seconds a size, about, above 0.
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    seconds: f64,
    /// Print one JSON object a size to standard output, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Exchanges that any size has.
const LEAST: usize = 5;

#[derive(Serialize)]
struct Measured {
    ranks: usize,
    numbers: u32,
    bytes: u64,
    exchanges: usize,
    /// Of one exchange: least, median.
    least_seconds: f64,
    seconds: f64,
    bytes_per_second: f64,
}

impl Exchange {
    /// Runs the subcommand.
    pub(crate) fn run(self, group: &Group) -> anyhow::Result<Ending> {
        if group.is_first() && !self.json {
            print(&format!(
                "{:>10}  {:>10}  {:>12}  {:>12}  {:>12}\n",
                "numbers", "bytes", "least µs", "median µs", "MB/s"
            ))?;
        }
        for &numbers in &self.numbers {
            let measured = self.measure(numbers, group)?;
            if !group.is_first() {
                continue;
            }
            match self.json {
                true => print_json_line(&measured)?,
                false => print(&format!(
                    "{:>10}  {:>10}  {:>12.1}  {:>12.1}  {:>12.0}\n",
                    measured.numbers,
                    bytes(measured.bytes),
                    measured.least_seconds * 1e6,
                    measured.seconds * 1e6,
                    measured.bytes_per_second / 1e6
                ))?,
            }
        }
        Ok(Ending::Done)
    }

    fn measure(&self, numbers: u32, group: &Group) -> anyhow::Result<Measured> {
        // Zeros stay zeros, however often they are summed.
        let mut sum = vec![0.0; numbers as usize];
        group.sum(&mut sum)?;
        let first = Instant::now();
        group.sum(&mut sum)?;
        // Rank 0 says how often, so that all make the same calls.
        let wanted = (self.seconds / first.elapsed().as_secs_f64()).clamp(LEAST as f64, 1e6);
        let times = group.each(if group.is_first() { wanted.floor() } else { 0.0 })?[0] as usize;
        let mut taken: Vec<Duration> = Vec::with_capacity(times);
        for _ in 0..times {
            let before = Instant::now();
            group.sum(&mut sum)?;
            taken.push(before.elapsed());
        }
        taken.sort();
        let seconds = taken[times / 2].as_secs_f64();
        let size = 8 * u64::from(numbers);
        Ok(Measured {
            ranks: group.size(),
            numbers,
            bytes: size,
            exchanges: times,
            least_seconds: taken[0].as_secs_f64(),
            seconds,
            bytes_per_second: size as f64 / seconds.max(1e-9),
        })
    }
}
