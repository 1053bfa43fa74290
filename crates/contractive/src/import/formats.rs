//! Files of other programs that people have instead of safetensors, told by their first bytes.

use std::io::Read;
use std::path::Path;

use contractive_table::TableError;
use contractive_table::opening::open_regular;

use super::error::ImportError;
use crate::tensor_file::LARGEST_HEADER;

const TORCH: &str = "a pickle, as torch.save writes it, which can run any code when it is read";
const OF_TORCH: &str = "in Python, `state = torch.load(PATH, weights_only=True)`, then `safetensors.torch.save_file(state, \
                        \"weights.safetensors\")`; or, with the module at hand, `contractive.torch.from_torch`";
const KERAS: &str = "a model of Keras";
const OF_KERAS: &str = "in Python, name its arrays, `{w.path: w.numpy() for w in model.weights}`, and write them with \
                        `safetensors.numpy.save_file`";
const NUMPY: &str = "an archive of NumPy arrays";
const OF_NUMPY: &str = "in Python, `safetensors.numpy.save_file(dict(numpy.load(PATH)), \"weights.safetensors\")`";

/// Refuses files that are none of safetensors, with what to do instead.
pub(super) fn check(path: &Path) -> Result<(), ImportError> {
    let failed = |e| TableError::io("open", path, e);
    let mut first = Vec::new();
    open_regular(path).map_err(failed)?.take(8).read_to_end(&mut first).map_err(failed)?;
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_pickle = matches!(end.as_str(), "pt" | "pth" | "pkl" | "pickle" | "ckpt");
    // A safetensors file begins with the length of its header, which no other program's first bytes could be.
    let claimed = first.as_slice().try_into().map_or(u64::MAX, u64::from_le_bytes);
    if claimed <= LARGEST_HEADER && !is_pickle {
        return Ok(());
    }
    let (what, remedy) = match (first.as_slice(), end.as_str()) {
        ([b'P', b'K', 3, 4, ..], "keras") => (KERAS, OF_KERAS),
        ([b'P', b'K', 3, 4, ..], "npz") => (NUMPY, OF_NUMPY),
        // An archive of torch, or a pickle of protocol 2 to 5.
        ([b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..], _) => (TORCH, OF_TORCH),
        ([0x89, b'H', b'D', b'F', ..], _) => (KERAS, OF_KERAS),
        _ if is_pickle => (TORCH, OF_TORCH),
        _ => return Ok(()),
    };
    Err(ImportError::OtherFormat { path: path.to_path_buf(), what, remedy })
}
