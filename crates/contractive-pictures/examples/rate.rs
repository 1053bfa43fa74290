//! How many pictures of a folder are decoded and brought to a size each second.
//!
//! `cargo run --release -p contractive-pictures --example rate -- FOLDER WIDTH HEIGHT [THREADS]`

use std::error::Error;
use std::time::Instant;

use contractive_pictures::{Fit, PictureOptions, PictureSource, Size};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, width, height, threads @ ..] = &arguments[..] else {
        return Err("FOLDER, WIDTH and HEIGHT must be given".into());
    };
    let threads = threads.first().map_or(Ok(2), |threads| threads.parse())?;
    let size = Some(Size { width: width.parse()?, height: height.parse()? });
    let began = Instant::now();
    let source = PictureSource::open(folder, &PictureOptions { size, fit: Fit::Pad, ..PictureOptions::default() })?;
    let opened = began.elapsed();
    let began = Instant::now();
    let mut n = 0;
    for read in source.stream((0..source.len() as u32).collect(), threads) {
        read?;
        n += 1;
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{n} pictures, {} channels, {threads} threads: opened in {opened:.2?}, {:.1} a second",
        source.channels(),
        n as f64 / took
    );
    Ok(())
}
