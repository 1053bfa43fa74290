//! Writes the seeds of one target, or of all, each a file in `FOLDER/TARGET/`: `seeds FOLDER [TARGET]`. Inputs that once
//! failed are among them.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use contractive_fuzz::{TARGETS, seeds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let (folder, wanted) = (PathBuf::from(words.next().ok_or("usage: seeds FOLDER [TARGET]")?), words.next());
    for target in TARGETS.iter().filter(|target| wanted.as_deref().is_none_or(|name| name == target.name)) {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (i, seed) in seeds::of(target.name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{i:03}")), seed)?;
        }
        for (name, bytes) in seeds::regressions(target.name) {
            fs::write(folder.join(format!("regression-{name}")), bytes)?;
        }
    }
    Ok(())
}
