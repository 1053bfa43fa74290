//! A reader of JSON, and all that serde makes of it on the way, with what is kept put to account.
//!
//! A list is charged as its vector grows: to 4 entries, then to twice as many, both held while it is moved. Where serde asks
//! for whatever there is, to look for a tag, entries are held as values of any type and become those of their own
//! when the tag is found, which is within the entry or field that they belong to.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::account::Account;

/// Bytes of a value whose type is not known yet, as the keys of maps are.
const UNTYPED: usize = 32;
/// Bytes of a word without its letters: the largest of what lists within tagged values hold.
const WORD: usize = size_of::<String>();

/// What becomes of the entries that a visitor is given.
#[derive(Clone, Copy, PartialEq)]
enum Entries {
    /// They have a place in what holds them: fields, tuples.
    InPlace,
    /// They become a list or map of their type.
    Listed,
    /// They are held without their types.
    Untyped,
}

/// A part of serde's machinery, with the account.
pub(super) struct Counted<'a, X> {
    inner: X,
    account: &'a Account,
    entries: Entries,
}

impl<'a, X> Counted<'a, X> {
    pub fn new(inner: X, account: &'a Account) -> Self {
        Counted { inner, account, entries: Entries::InPlace }
    }

    fn with<Y>(&self, inner: Y) -> Counted<'a, Y> {
        Counted { inner, account: self.account, entries: self.entries }
    }

    /// For a visitor: within what has no type yet nothing has.
    fn visitor<V>(account: &'a Account, of: Entries, inner: V, entries: Entries) -> Counted<'a, V> {
        let entries = if of == Entries::Untyped { of } else { entries };
        Counted { inner, account, entries }
    }
}

macro_rules! as_in_place {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$name(Self::visitor(self.account, self.entries, visitor, Entries::InPlace))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Counted<'_, D> {
    type Error = D::Error;

    as_in_place! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Self::visitor(self.account, Entries::Untyped, visitor, Entries::Untyped))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_seq(Self::visitor(self.account, self.entries, visitor, Entries::Listed))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(Self::visitor(self.account, self.entries, visitor, Entries::Listed))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Self::visitor(self.account, self.entries, visitor, Entries::InPlace);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple(len, Self::visitor(self.account, self.entries, visitor, Entries::InPlace))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Self::visitor(self.account, self.entries, visitor, Entries::InPlace);
        self.inner.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Self::visitor(self.account, self.entries, visitor, Entries::InPlace);
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Self::visitor(self.account, self.entries, visitor, Entries::InPlace);
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! as_it_is {
    ($($name:ident: $type:ty),*) => {
        $(fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$name(value)
        })*
    };
}

macro_rules! of_length {
    ($($name:ident: $type:ty),*) => {
        $(fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.account.keep(value.len(), 0)?;
            self.inner.$name(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Counted<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.expecting(f)
    }

    as_it_is! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128, visit_u8: u8,
        visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32, visit_f64: f64, visit_char: char
    }

    of_length! {
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let grown = Grown { of: self.with(entries), n: 0, room: 0, is_map: false };
        self.inner.visit_seq(grown)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let grown = Grown { of: self.with(entries), n: 0, room: 0, is_map: true };
        self.inner.visit_map(grown)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.with(variant);
        self.inner.visit_enum(variant)
    }
}

/// An entry or a field: values that had no type have theirs at its end.
impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Counted<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        let (account, entries) = (self.account, self.entries);
        let value = self.inner.deserialize(deserializer)?;
        if entries != Entries::Untyped {
            account.pass();
        }
        Ok(value)
    }
}

/// The entries of a list or a map, with how many there are and how many there is room for.
struct Grown<'a, A> {
    of: Counted<'a, A>,
    n: usize,
    room: usize,
    is_map: bool,
}

impl<A> Grown<'_, A> {
    /// One entry more, of `size` bytes.
    fn grow<E: Error>(&mut self, size: usize) -> Result<(), E> {
        self.n += 1;
        // A hash table grows before it is full.
        let most = if self.is_map { self.room / 8 * 7 } else { self.room };
        if self.n <= most || self.of.entries == Entries::InPlace || size == 0 {
            return Ok(());
        }
        let old = self.room;
        self.room = (2 * old).max(if self.is_map { 8 } else { 4 });
        let (more, moved) = ((self.room - old) * size, old * size);
        match self.of.entries == Entries::Untyped {
            true => self.of.account.hold(more, moved),
            false => self.of.account.keep(more, moved),
        }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Grown<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.of.with(seed);
        let value = self.of.inner.next_element_seed(seed)?;
        if value.is_some() {
            self.grow(size_of::<T::Value>())?;
            if self.of.entries == Entries::Untyped && size_of::<T::Value>() > 0 {
                // What it becomes, in a list that is as long as its entries are many. Those of a map become fields.
                self.of.account.keep(WORD, 0)?;
            }
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.of.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Grown<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let seed = self.of.with(seed);
        self.of.inner.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.of.with(seed);
        let value = self.of.inner.next_value_seed(seed)?;
        self.grow(UNTYPED + size_of::<T::Value>())?;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.of.inner.size_hint()
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Counted<'a, A> {
    type Error = A::Error;
    type Variant = Counted<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let seed = self.with(seed);
        let (account, entries) = (self.account, self.entries);
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Counted { inner, account, entries }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
