//! Attributes of groups, of which no more is decoded than is asked for.

use hdf5_reader::group::Group;
use hdf5_reader::{Datatype, H5Type, RawAttribute, StringSize, VarLenKind};

use super::file::Hdf5;
use super::heaps::Heaps;
use super::number::{self, Number};
use super::texts::text_of;
use crate::error::TableError;

impl Hdf5 {
    /// The word that a group has for an attribute.
    pub fn word(&self, group: &Group, name: &str) -> Result<Option<String>, TableError> {
        let Some(attribute) = self.attribute(group, name)? else { return Ok(None) };
        let message = attribute.message();
        if !matches!(message.dataspace.num_elements(), Ok(1)) {
            return Err(self.wrong(name, "must be one word"));
        }
        let bytes = match &message.datatype {
            Datatype::String { size: StringSize::Fixed(size), .. } => {
                message.raw_data.get(..*size as usize).unwrap_or(&message.raw_data).to_vec()
            }
            Datatype::String { size: StringSize::Variable, .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => {
                self.describe(|file| Heaps::of(file).bytes(&message.raw_data))?
            }
            _ => return Err(self.wrong(name, "must hold text")),
        };
        Ok(Some(text_of(&bytes).trim_end_matches(' ').to_owned()))
    }

    /// The two numbers that a group has for an attribute.
    pub fn two_numbers(&self, group: &Group, name: &str) -> Result<Option<[f64; 2]>, TableError> {
        let Some(attribute) = self.attribute(group, name)? else { return Ok(None) };
        let message = attribute.message();
        if !matches!(message.dataspace.num_elements(), Ok(2)) {
            return Err(self.wrong(name, "must hold two sizes, rows and columns"));
        }
        if number::size_of(&message.datatype).is_none() || !number::is_plain(attribute.raw_datatype()) {
            return Err(self.wrong(name, "must hold whole numbers"));
        }
        match Number::decode_vec(&message.raw_data, &message.datatype, 2) {
            Some(Ok(numbers)) if numbers.len() == 2 => Ok(Some([numbers[0].0, numbers[1].0])),
            _ => Err(self.wrong(name, "is cut off")),
        }
    }

    fn attribute(&self, group: &Group, name: &str) -> Result<Option<RawAttribute>, TableError> {
        let attributes = self.describe(|_| group.raw_attributes())?;
        Ok(attributes.into_iter().find(|attribute| attribute.name() == name))
    }
}
