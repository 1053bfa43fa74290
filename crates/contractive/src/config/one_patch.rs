//! `data.patch`: one size, and why there are not several.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, de};

struct OnePatch;

impl<'de> Visitor<'de> for OnePatch {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of pixels, at least 1")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        let refused = || E::invalid_value(de::Unexpected::Signed(value), &self);
        usize::try_from(value).map(Some).map_err(|_| refused())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let refused = || E::invalid_value(de::Unexpected::Unsigned(value), &self);
        usize::try_from(value).map(Some).map_err(|_| refused())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom(
            "one size is taken, of one convolution under any number of 1 × 1 layers (`model.hidden`): with a second spatial \
             layer outputs share hidden units and the penalty is no sum over places; for such networks take \
             `contractive.torch` with method=\"probes\", which estimates it by projection",
        ))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    deserializer.deserialize_option(OnePatch)
}
