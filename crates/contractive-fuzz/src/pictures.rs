//! Pictures: one file, archives and arrays of them.

use contractive_pictures::{Colour, Fit, PictureOptions, PictureSource, Size, is_pictures};

use crate::input::Input;
use crate::panics::begin;
use crate::refusal::refused;
use crate::scratch;
use crate::tables::packed;

/// Bytes that choose how pictures are read.
pub(crate) const OPTIONS: usize = 4;
/// Names that a file gets: they tell a zip of arrays from one of pictures, all else is told by content.
const NAMES: [&str; 5] = ["p.png", "p.zip", "p.tar", "p.npz", "p.tar.gz"];
/// Pictures read of one input.
const MOST: usize = 8;

/// A picture, or an archive or array of pictures.
pub fn pictures(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let name = input.one_of(&NAMES);
    let fit = input.one_of(&[Fit::Keep, Fit::Pad, Fit::Crop, Fit::Stretch]);
    let colour = input.one_of(&[Colour::Auto, Colour::Grey, Colour::Rgb]);
    let side = input.byte();
    let size = (side > 0).then(|| Size { width: 1 + usize::from(side >> 4), height: 1 + usize::from(side & 15) });
    let rest = input.rest();
    let path = match name.ends_with(".gz") {
        true => scratch::file(name, &packed(rest)),
        false => scratch::file(name, rest),
    };
    is_pictures(&path);
    let options = PictureOptions { colour, size, fit, skip_broken: side % 2 == 1 };
    let source = match PictureSource::open(&path, &options) {
        Ok(source) => source,
        Err(error) => return refused(&error),
    };
    let shape = source.shape();
    let order: Vec<u32> = (0..source.len().min(MOST) as u32).collect();
    let (mut met, mut missing) = (0, 0);
    for read in source.stream(order.clone(), 2) {
        match read {
            Ok((index, picture)) => {
                assert_eq!(picture.pixels.len(), picture.shape.n_values(), "a picture has all of its pixels");
                assert_eq!(picture.shape.channels, source.channels(), "a picture has the channels of all");
                assert!(shape.is_none_or(|shape| shape == picture.shape), "a picture has the shape of all");
                assert_eq!(source.read(index as usize).ok().as_ref(), Some(&picture), "a picture is the same again");
            }
            Err(error) => {
                missing += 1;
                refused(&error);
            }
        }
        met += 1;
    }
    assert!(met == order.len() || options.skip_broken, "{met} of {} pictures came, {missing} broken", order.len());
    assert!(met + source.skipped().len() >= order.len(), "what does not come is told");
    source.labels();
    source.fingerprint();
}
