//! The oracle's cases, read from their files: `fixtures/oracle/README.md` defines every tensor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contractive_core::parameters::layout;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::reference::Matrix;
use contractive_core::{Activation, Architecture, Loss, Objective, Penalty};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// One tensor of a case.
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// One case: a network, an objective, a batch, and what brute force found.
pub struct OracleCase {
    pub name: String,
    pub architecture: Architecture,
    pub objective: Objective,
    tensors: BTreeMap<String, Tensor>,
}

/// The cases in the repository.
pub fn fixture_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/oracle")
}

/// Every case of the repository, and of the folder in `CONTRACTIVE_ORACLE_DIR` where that is set.
pub fn all_cases() -> Vec<OracleCase> {
    let mut folders = vec![fixture_folder()];
    match std::env::var_os("CONTRACTIVE_ORACLE_DIR") {
        Some(folder) => folders.push(PathBuf::from(folder)),
        None => println!("CONTRACTIVE_ORACLE_DIR is not set: the repository's cases alone"),
    }
    folders.iter().flat_map(|folder| cases_in(folder)).collect()
}

/// Every case of one folder, by name.
pub fn cases_in(folder: &Path) -> Vec<OracleCase> {
    let listing = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = listing
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} must hold .safetensors cases", folder.display());
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> OracleCase {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = header.metadata().as_ref().and_then(|m| m.get("case"));
    let case: Value = serde_json::from_str(text.unwrap_or_else(|| panic!("{}: no `case`", path.display()))).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        assert_eq!(view.dtype(), Dtype::F64, "{}: {name}", path.display());
        let values = view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        (name, Tensor { shape: view.shape().to_vec(), values })
    });
    OracleCase {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        architecture: architecture(&case),
        objective: objective(&case),
        tensors: tensors.collect(),
    }
}

fn architecture(case: &Value) -> Architecture {
    let sizes = |key: &str| case[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
    let activations = |key: &str| -> Vec<Activation> {
        case[key].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect()
    };
    Architecture {
        encoder_sizes: sizes("encoder_sizes"),
        decoder_sizes: sizes("decoder_sizes"),
        encoder_activations: activations("encoder_activations"),
        decoder_activations: activations("decoder_activations"),
        tied: case["tied"].as_bool().unwrap(),
    }
}

fn objective(case: &Value) -> Objective {
    let count = |key: &str| case[key].as_u64().unwrap() as usize;
    let number = |key: &str| case[key].as_f64().unwrap();
    let penalty = match case["penalty"].as_str().unwrap() {
        // Input noise alone: the noise is in the batch, not in the penalty.
        "denoising" => Penalty::None,
        "projection" => Penalty::Projection { probes: count("probes"), distribution: ProbeDistribution::Rademacher },
        "finite_difference" => {
            let directions = case["directions"].as_u64().unwrap_or(0) as usize;
            Penalty::FiniteDifference { epsilon: number("eps"), directions }
        }
        "hessian" => {
            Penalty::Hessian { corruptions: count("corruptions"), sigma: number("sigma"), ratio: number("ratio") }
        }
        "logistic_last" => Penalty::LogisticLast { hold_weights: case["detach"].as_bool().unwrap_or(false) },
        plain => Penalty::from_name(plain).unwrap(),
    };
    let loss: Loss = case["loss"].as_str().unwrap().parse().unwrap();
    Objective::new(loss, penalty, number("weight"))
}

impl OracleCase {
    /// The tensor of this name; the case must have it.
    pub fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{}: no tensor `{name}`", self.name))
    }

    /// A tensor as a matrix.
    pub fn matrix(&self, name: &str) -> Matrix {
        let tensor = self.tensor(name);
        Matrix::new(tensor.shape[0], tensor.shape[1], tensor.values.clone())
    }

    /// The network's parameters, in the order of `layout`.
    pub fn parameters(&self) -> Vec<f64> {
        layout(&self.architecture).iter().flat_map(|place| self.tensor(&place.name).values.clone()).collect()
    }

    /// The clean rows.
    pub fn rows(&self) -> Matrix {
        self.matrix("input")
    }

    /// The corrupted rows, where the case has noise.
    pub fn corrupted(&self) -> Option<Matrix> {
        self.tensors.contains_key("noise").then(|| {
            let mut corrupted = self.rows();
            corrupted.add(&self.matrix("noise"));
            corrupted
        })
    }

    /// The penalty's random numbers, in the layout of `Penalty::n_draws`.
    pub fn draws(&self) -> Vec<f64> {
        match self.objective.penalty {
            Penalty::Projection { .. } => self.tensor("probes").values.clone(),
            Penalty::FiniteDifference { directions: 1.., .. } => self.tensor("directions").values.clone(),
            Penalty::Hessian { .. } => self.tensor("corruptions").values.clone(),
            _ => Vec::new(),
        }
    }
}
