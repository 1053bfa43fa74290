//! `cae bench`: how fast this machine trains a network, and how fast it could.

use crate::speed::expected::Expected;
use crate::speed::measured::{Speed, Steps, measure};
use crate::speed::workload;
use clap::Args;
use contractive::TrainConfig;
use contractive::recipe;
use contractive_core::Activation;
use contractive_datasets::registry;
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::numbers::{grouped, percent, significant};
use crate::output::{print, print_json};
use crate::table::{Side, aligned};

/// Measure how fast a network trains here, on drawn data, with and without the exact penalty.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Bench {
    /// Measure a network that docs/performance.md compares with other frameworks: a, b, c, d, e or i [default: a].
    #[arg(long, value_name = "LETTER", conflicts_with_all = ["sizes", "recipe"])]
    workload: Option<String>,
    /// Measure the network of this recipe.
    #[arg(long, value_name = "NAME", conflicts_with = "sizes")]
    recipe: Option<String>,
    /// Measure an encoder of these sizes, features first, code last; the decoder mirrors it.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    sizes: Option<Vec<usize>>,
    /// Activation of the layers of --sizes [default: relu].
    #[arg(long, value_name = "NAME", requires = "sizes")]
    activation: Option<Activation>,
    /// Rows a training step, at least 1 [default: the workload's or the recipe's; of --sizes 128].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Threads, at least 1; by default one a processor core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Seconds to measure for, at least 0; every step is timed once a round, however long it takes.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Each number is the median of seven rounds. Operations are those of the matrix products that a step cannot do without.
Other programs that run meanwhile make every number worse.

Examples:
  cae bench
  cae bench --workload d --threads 2
  cae bench --recipe mnist-rifai --threads 1
  cae bench --sizes 30,64,16 --activation tanh --batch 256 --json";

/// The JSON: what was measured and on what.
#[derive(Serialize)]
struct Record<'a> {
    workload: Option<&'a str>,
    recipe: Option<&'a str>,
    #[serde(flatten)]
    speed: &'a Speed,
}

impl Bench {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if !(self.seconds.is_finite() && self.seconds >= 0.0) {
            return Err(Usage(format!("--seconds must be finite and at least 0, got {}", self.seconds)).into());
        }
        let (mut config, d) = self.network()?;
        if let Some(batch) = self.batch {
            config.training.batch_size = batch as usize;
        }
        config.training.threads = self.threads.map(usize::from).or(config.training.threads);
        let speed = measure(&config, d, config.threads(), self.seconds)?;
        if self.json {
            print_json(&Record { workload: self.workload(), recipe: config.recipe.as_deref(), speed: &speed })?;
        } else {
            print(&text(&config, &speed, self.workload().is_some()))?;
        }
        Ok(Ending::Done)
    }

    /// The named workload that is measured, if one is.
    fn workload(&self) -> Option<&str> {
        let is_other = self.sizes.is_some() || self.recipe.is_some();
        (!is_other).then(|| self.workload.as_deref().unwrap_or("a"))
    }

    /// The configuration to measure, and the features of its rows.
    fn network(&self) -> anyhow::Result<(TrainConfig, usize)> {
        let Some(sizes) = &self.sizes else {
            let Some(recipe) = &self.recipe else { return workload_of(self.workload().unwrap_or_default()) };
            let config = recipe::find(recipe)?.config;
            let name = config.data.spec.split(':').next().unwrap_or_default();
            let Some(data) = registry::find(name) else {
                let text = format!("the recipe's data, {name}, do not say how many features they have; give --sizes");
                return Err(Usage(text).into());
            };
            return Ok((config, data.image_shape.0 * data.image_shape.1));
        };
        let [d, hidden @ ..] = &sizes[..] else { return Err(too_few().into()) };
        if hidden.is_empty() {
            return Err(too_few().into());
        }
        let mut config = TrainConfig::default();
        let activation = self.activation.unwrap_or(Activation::Relu);
        config.model.hidden = hidden.to_vec();
        config.model.hidden_activation = activation;
        config.model.code_activation = activation;
        Ok((config, *d))
    }
}

/// The configuration of a named workload, and the features of its rows.
fn workload_of(name: &str) -> anyhow::Result<(TrainConfig, usize)> {
    let all = workload::all();
    let Some(work) = all.get(name) else {
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        return Err(Usage(format!("--workload must be one of {}, got {name}", names.join(", "))).into());
    };
    Ok((work.config(), work.encoder[0]))
}

fn too_few() -> Usage {
    Usage("--sizes must name the features and at least one layer, as in 784,64,16".into())
}

fn text(config: &TrainConfig, speed: &Speed, is_named: bool) -> String {
    let sizes: Vec<String> = speed.sizes.iter().map(usize::to_string).collect();
    let (activation, threads) = (config.model.hidden_activation, speed.threads);
    let plural = if threads == 1 { "" } else { "s" };
    let head = format!("{}, {activation}, batches of {}, {threads} thread{plural}", sizes.join("-"), speed.batch);
    let words = ["", "a step", "steps/s", "rows/s", "GFLOP/s", "of product", "of peak"];
    let row = |name: &str, steps: &Steps| {
        vec![
            name.to_owned(),
            format!("{} ms", significant(1e3 / steps.steps_per_second, 3)),
            significant(steps.steps_per_second, 4),
            grouped(steps.rows_per_second as usize),
            significant(steps.operation_rate / 1e9, 3),
            percent(steps.share_of_product_rate),
            percent(steps.share_of_multiply_add_rate),
        ]
    };
    let used = vec!["encode, decode".to_owned(), "".into(), "".into(), grouped(speed.rows_per_second as usize)];
    let rows =
        [words.map(str::to_owned).to_vec(), row("plain step", &speed.plain), row("exact penalty", &speed.exact), used];
    let mut sides = [Side::Right; 7];
    sides[0] = Side::Left;
    let (giga, exact, plain) = (1e-9, &speed.exact, &speed.plain);
    format!(
        "{head}\n\n{}\nThe exact penalty adds {} to a plain step; by counts, {}.\n\
         Of its time go {} to the weights (transposes, G), {} to the rows, {} to sums over lanes, {} to the gradient,\n\
         {} to the optimiser.\n\
         A step is {} GFLOP, with the exact penalty {}.\n\
         This machine: {} GFLOP/s in a matrix product, {} at its peak (multiply-adds in registers), with {}.\n{}",
        aligned(&sides, &rows),
        percent(speed.penalty_cost),
        percent(exact.operations / plain.operations - 1.0),
        percent(speed.phases.weights),
        percent(speed.phases.rows),
        percent(speed.phases.sums),
        percent(speed.phases.gradient),
        percent(speed.phases.update),
        significant(plain.operations * giga, 3),
        significant(exact.operations * giga, 3),
        significant(speed.product_rate * giga, 3),
        significant(speed.multiply_add_rate * giga, 3),
        speed.instructions,
        match &speed.expected {
            Some(expected) => compared(expected, speed.threads, exact.share_of_multiply_add_rate),
            None if is_named => format!(
                "Beside PyTorch, JAX and TensorFlow this network was not measured with {} (docs/performance.md has what was).\n",
                speed.instructions
            ),
            None => String::new(),
        },
    )
}

/// How near this machine, at `here` of its peak, comes to one where other frameworks were measured too.
fn compared(expected: &Expected, threads_here: usize, here: f64) -> String {
    /// Below this share of what was reached there, something stands in the way here.
    const NEAR: f64 = 0.85;
    let Expected { processor, instructions, threads, date, .. } = expected;
    let there = expected.share_of_multiply_add_rate;
    let verdict = match (*threads == threads_here, here >= NEAR * there) {
        (false, _) => "not measured with as many threads, so that only the ratio compares",
        (true, true) => "so expect about that ratio here",
        (true, false) if *threads > 1 => "less than there: other programs run meanwhile, or two threads share a core",
        (true, false) => "less than there: other programs run meanwhile, or the processor's caches are smaller",
    };
    let plural = if *threads == 1 { "" } else { "s" };
    format!(
        "Beside PyTorch, JAX and TensorFlow (docs/performance.md, {processor}, {instructions}, {threads} thread{plural}, {date}) it was\n\
         {} times as fast as the fastest of them ({}), at {} of the peak. Here it is {}:\n{verdict}.\n",
        significant(expected.ratio_to_fastest_peer, 3),
        expected.fastest_peer,
        percent(there),
        percent(here),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_compares_what_can_be_compared() {
        let expected = Expected {
            workload: "a".into(),
            instructions: "avx2".into(),
            threads: 2,
            processor: "a processor".into(),
            date: "2026-11-29".into(),
            share_of_multiply_add_rate: 0.6,
            ratio_to_fastest_peer: 2.345,
            fastest_peer: "torch_manual".into(),
        };
        let text = compared(&expected, 2, 0.59);
        assert!(text.contains("2.35 times as fast") && text.contains("avx2, 2 threads"), "{text}");
        assert!(text.contains("expect about that ratio"), "{text}");
        assert!(compared(&expected, 2, 0.4).contains("share a core"));
        assert!(compared(&expected, 16, 0.2).contains("as many threads"));
        assert!(!compared(&Expected { threads: 1, ..expected }, 1, 0.2).contains("share a core"));
    }
}
