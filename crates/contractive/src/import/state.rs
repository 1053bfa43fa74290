//! A state dict: its tensors under names without wrappers' prefixes, and the Linear layers among them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use contractive_table::listing::some_names;
use safetensors::tensor::Dtype;

use super::error::ImportError;
use super::floats::{is_read, singles};
use crate::tensor_file::TensorFile;

/// A tensor of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    /// Its name without prefixes.
    pub(super) name: String,
    /// Its name in the file.
    pub(super) stored: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

/// A Linear layer: a matrix with its bias, if any, as places among the tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    pub(super) name: String,
    pub(super) weight: usize,
    pub(super) bias: Option<usize>,
    /// Numbers it takes and gives.
    pub(super) takes: usize,
    pub(super) gives: usize,
    /// Whether its weight is (in, out) in the file.
    pub(super) is_turned: bool,
}

/// The tensors of an open file.
pub(super) struct State {
    path: PathBuf,
    file: TensorFile,
    pub(super) tensors: Vec<Tensor>,
    pub(super) layers: Vec<Linear>,
}

/// More tensors than any network of Linear layers has: their names and shapes are held twice.
const MOST_TENSORS: usize = 100_000;

/// Names that a layer's matrix has, and whether it then is (in, out).
const MATRICES: [(&str, bool); 2] = [("weight", false), ("kernel", true)];

const CONVOLUTIONS: &str = "; tensors of more than two dimensions, as convolutions have, are no layers here: with a second \
                            spatial layer the penalty is no sum over places, and `contractive.torch` with method=\"probes\" \
                            estimates it";

impl State {
    /// Reads the header of the file; `is_turned` says whether weights are (in, out), where their names do not.
    pub(super) fn open(path: &Path, is_turned: Option<bool>) -> Result<Self, ImportError> {
        let file = TensorFile::open(path)?;
        file.check_number(MOST_TENSORS)?;
        file.check_places()?;
        let mut tensors: Vec<Tensor> = file
            .infos()
            .map(|(name, info)| Tensor {
                name: bare(name),
                stored: name.to_owned(),
                dtype: info.dtype,
                shape: info.shape.clone(),
            })
            .collect();
        tensors.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| natural(&a.stored, &b.stored)));
        // Two that only their prefixes tell apart keep them.
        if tensors.windows(2).any(|pair| pair[0].name == pair[1].name) {
            tensors.iter_mut().for_each(|tensor| tensor.name.clone_from(&tensor.stored));
            tensors.sort_by(|a, b| natural(&a.name, &b.name));
        }
        let layers = layers(&tensors, is_turned);
        if layers.is_empty() {
            let shown = |t: &Tensor| format!("`{}` {:?}", t.name, t.shape);
            let found = some_names(&tensors.iter().map(shown).collect::<Vec<String>>());
            let mut found = if found.is_empty() { "none".to_owned() } else { found };
            if tensors.iter().any(|tensor| tensor.shape.len() > 2) {
                found += CONVOLUTIONS;
            }
            return Err(ImportError::NoLayers { path: path.to_path_buf(), found });
        }
        Ok(State { path: path.to_path_buf(), file, tensors, layers })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The Linear layers with their sizes, for messages.
    pub(super) fn found(&self) -> String {
        let all: Vec<String> = self.layers.iter().map(|l| format!("{} ({} to {})", l.name, l.takes, l.gives)).collect();
        some_names(&all)
    }

    /// The place of the layer that `name` means: the whole name, or the end of one alone.
    pub(super) fn layer(&self, name: &str) -> Result<Option<usize>, ImportError> {
        self.meant(name, self.layers.iter().map(|layer| layer.name.as_str()))
    }

    /// The place of the vector that `name` means: itself, or the bias of a layer of that name.
    pub(super) fn vector(&self, name: &str) -> Result<Option<usize>, ImportError> {
        let with_bias = format!("{name}.bias");
        let vectors = || self.tensors.iter().map(|t| if t.shape.len() == 1 { t.name.as_str() } else { "" });
        match self.meant(name, vectors())? {
            Some(place) => Ok(Some(place)),
            None => self.meant(&with_bias, vectors()),
        }
    }

    /// The place of `name` among `names`, as it is given or without prefixes, or of the one that ends so.
    fn meant<'n>(&self, name: &str, names: impl Iterator<Item = &'n str>) -> Result<Option<usize>, ImportError> {
        let names: Vec<&str> = names.collect();
        let bare = bare(name);
        if let Some(place) = [name, &bare].iter().find_map(|name| names.iter().position(|known| known == name)) {
            return Ok(Some(place));
        }
        let end = format!(".{bare}");
        let ending: Vec<(usize, &str)> =
            names.iter().enumerate().filter(|(_, known)| known.ends_with(&end)).map(|(i, known)| (i, *known)).collect();
        match ending.as_slice() {
            [] => Ok(None),
            [(place, _)] => Ok(Some(*place)),
            several => {
                let candidates = some_names(&several.iter().map(|(_, known)| *known).collect::<Vec<&str>>());
                Err(ImportError::SeveralLayers { path: self.path(), layer: bare, candidates })
            }
        }
    }

    /// The numbers of a tensor in 32 bits, as they lie in the file.
    pub(super) fn numbers(&mut self, place: usize) -> Result<Vec<f32>, ImportError> {
        let tensor = &self.tensors[place];
        if !is_read(tensor.dtype) {
            return Err(ImportError::Type { tensor: tensor.name.clone(), got: format!("{:?}", tensor.dtype) });
        }
        let bytes = self.file.bytes_of(&tensor.stored)?;
        singles(tensor.dtype, &bytes).map_err(|unfit| ImportError::Number {
            tensor: tensor.name.clone(),
            index: unfit.index,
            value: unfit.value,
        })
    }
}

/// A name without what DistributedDataParallel, DataParallel and torch.compile put in, and Keras behind.
fn bare(name: &str) -> String {
    let mut name = name.replace("_orig_mod.", "").replace('/', ".");
    while let Some(rest) = name.strip_prefix("module.") {
        name = rest.to_owned();
    }
    name.strip_suffix(":0").map_or_else(|| name.clone(), str::to_owned)
}

/// The Linear layers, in the natural order of their names.
fn layers(tensors: &[Tensor], is_turned: Option<bool>) -> Vec<Linear> {
    // Of any shape: a bias that is no vector is refused, not taken for none.
    let places: HashMap<&str, usize> = tensors.iter().enumerate().map(|(i, t)| (t.name.as_str(), i)).collect();
    let mut all = Vec::new();
    for (weight, tensor) in tensors.iter().enumerate() {
        let Some((name, matrix)) = tensor.name.rsplit_once('.') else { continue };
        let known = MATRICES.iter().find(|(known, _)| *known == matrix);
        let (Some((_, by_name)), [rows, columns]) = (known, tensor.shape.as_slice()) else { continue };
        let is_turned = is_turned.unwrap_or(*by_name);
        let (takes, gives) = if is_turned { (*rows, *columns) } else { (*columns, *rows) };
        let bias = places.get(format!("{name}.bias").as_str()).copied();
        all.push(Linear { name: name.to_owned(), weight, bias, takes, gives, is_turned });
    }
    all
}

/// Names with numbers in them in the order of those numbers: `encoder.2` before `encoder.10`.
fn natural(one: &str, other: &str) -> Ordering {
    let parts = |name: &str| -> Vec<(bool, u64, String)> {
        let mut parts: Vec<(bool, u64, String)> = Vec::new();
        for c in name.chars() {
            match parts.last_mut() {
                Some((is_number, _, text)) if *is_number == c.is_ascii_digit() => text.push(c),
                _ => parts.push((c.is_ascii_digit(), 0, c.to_string())),
            }
        }
        // Numbers too long for 64 bits go by their text alone.
        parts.iter_mut().filter(|part| part.0).for_each(|part| part.1 = part.2.parse().unwrap_or(u64::MAX));
        parts
    };
    parts(one).cmp(&parts(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_wrappers_and_sort_by_their_numbers() {
        assert_eq!(bare("module.module._orig_mod.encoder._orig_mod.0.weight"), "encoder.0.weight");
        assert_eq!(bare("dense_1/kernel:0"), "dense_1.kernel");
        assert_eq!(bare("modules.0.weight"), "modules.0.weight");
        let mut names = ["encoder.10", "encoder.2", "decoder.1", "encoder.0", "encoder.02"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["decoder.1", "encoder.0", "encoder.02", "encoder.2", "encoder.10"]);
    }
}
