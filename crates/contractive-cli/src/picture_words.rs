//! The words by which flags tell how pictures are made alike.

use clap::builder::PossibleValuesParser;
use contractive_pictures::{Colour, Fit};

/// The names of colours, as values of a flag.
pub(crate) fn colours() -> PossibleValuesParser {
    PossibleValuesParser::new(Colour::ALL.map(Colour::name))
}

/// The names of what becomes of other aspects, as values of a flag.
pub(crate) fn fits() -> PossibleValuesParser {
    PossibleValuesParser::new(Fit::ALL.map(Fit::name))
}
