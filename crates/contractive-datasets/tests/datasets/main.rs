//! Data sets by name, in one program.

mod data_real;
mod data_sets;
mod prepare;
mod pretrained;
