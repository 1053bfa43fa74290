//! How fast a network trains here, and how fast it could: steps and rows a second, operations by counts, the machine's peak.
//!
//! A [`workload`] says what is timed. [`drawn`] makes its network and rows from a generator that other languages repeat
//! exactly; [`stopwatch`] times steps and rows on them; [`operations`] counts what a step must compute; [`peak`] measures
//! what the processor can do at most. The comparison with other frameworks (`scripts/bench.sh`) is built on these;
//! [`measured`] puts them together for one network, and `cae bench` shows it beside what was measured elsewhere ([`expected`]).

pub mod drawn;
pub mod expected;
pub mod measured;
pub mod operations;
pub mod peak;
pub mod stopwatch;
pub mod workload;
