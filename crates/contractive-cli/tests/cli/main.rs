//! The command as a user meets it. One program, for it links faster than many.

mod support;

mod anomaly_data;
mod bad_input;
mod bench;
mod compare;
mod configuration;
mod data;
mod data_as_it_is;
mod data_spelled;
mod detect;
mod detect_page;
mod detect_trouble;
mod detector;
mod drift;
mod export;
mod help;
mod import;
mod interruption;
mod merged_threshold;
mod mixed_table;
mod nothing_lost;
mod per_row;
mod recipes;
mod report;
mod reproducibility;
mod rows;
mod scaling;
mod series;
mod series_output;
mod several_files;
mod stream;
mod sweep;
mod tangents;
mod train;
mod warnings;
