//! One page a formula: head, forward, backward, tests.
#![allow(non_snake_case)] // matrices are upper case, as in the papers
pub mod activation;
pub mod gemm;
