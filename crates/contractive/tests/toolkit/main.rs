//! The toolkit from its public door, in one program: each test program costs a link.

mod data_csv;
mod data_idx;
mod data_npy;
mod data_support;
mod data_table;
mod dataset;
mod divergence;
mod examples;
mod finite_results;
mod patches;
mod recipes;
mod run_files;
mod run_support;
mod train_on_cpu;
mod train_shared;
mod train_stream;
