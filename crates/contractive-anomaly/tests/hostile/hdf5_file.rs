//! HDF5 files made by hand: what no library would write.

/// Where nothing lies.
pub const NOWHERE: u64 = u64::MAX;

/// A file under way.
pub struct Hdf5File(Vec<u8>);

impl Hdf5File {
    pub fn new() -> Self {
        Hdf5File(vec![0; 96])
    }

    /// Puts bytes at a multiple of eight; says where.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self.0.extend_from_slice(bytes);
        (self.0.len() - bytes.len()) as u64
    }

    /// An object of these messages; says where its header is.
    pub fn object(&mut self, messages: &[Vec<u8>]) -> u64 {
        let body = messages.concat();
        let mut header = vec![1, 0];
        header.extend((messages.len() as u16).to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.extend((body.len() as u32).to_le_bytes());
        header.extend([0; 4]);
        self.put(&[header, body].concat())
    }

    /// A group with these members and attributes.
    pub fn group(&mut self, members: &[(&str, u64)], attributes: &[Vec<u8>]) -> u64 {
        let links = members.iter().map(|(name, address)| link(name, *address));
        self.object(&[vec![message(0x0a, &[0; 8])], links.collect(), attributes.to_vec()].concat())
    }

    /// An array that lies in one piece; where `values` is `None` it was never written.
    pub fn array(&mut self, shape: &[u64], datatype: &[u8], values: Option<&[u8]>) -> u64 {
        let size = u32::from_le_bytes(datatype[4..8].try_into().unwrap());
        let size = shape.iter().product::<u64>() * u64::from(size);
        let address = values.map_or(NOWHERE, |values| self.put(values));
        let layout = [&[3, 1][..], &words(&[address, size])].concat();
        self.object(&[message(1, &space(shape)), message(3, datatype), message(8, &layout)])
    }

    /// An array of chunks, `filters` being their numbers: where each begins, its address and its bytes in the file.
    pub fn chunked(
        &mut self,
        shape: &[u64],
        datatype: &[u8],
        chunk: &[u32],
        filters: &[u16],
        chunks: &[(&[u64], u64, u32)],
    ) -> u64 {
        let mut tree = [b"TREE\x01\0".to_vec(), (chunks.len() as u16).to_le_bytes().to_vec()].concat();
        tree.extend(words(&[NOWHERE, NOWHERE]));
        for (start, address, size) in chunks {
            tree.extend([size.to_le_bytes(), [0; 4]].concat());
            tree.extend(words(&[*start, &[0, *address]].concat()));
        }
        tree.extend([&[0; 8][..], &words(&vec![1 << 40; shape.len()]), &[0; 8]].concat());
        let tree = self.put(&tree);
        let mut layout = vec![3, 2, chunk.len() as u8 + 1];
        layout.extend(tree.to_le_bytes());
        chunk
            .iter()
            .chain([&u32::from_le_bytes(datatype[4..8].try_into().unwrap())])
            .for_each(|n| layout.extend(n.to_le_bytes()));
        let mut pipeline = vec![1, filters.len() as u8, 0, 0, 0, 0, 0, 0];
        filters.iter().for_each(|filter| pipeline.extend([&filter.to_le_bytes()[..], &[0; 6]].concat()));
        self.object(&[message(1, &space(shape)), message(3, datatype), message(8, &layout), message(0x0b, &pipeline)])
    }

    /// The file's bytes, `root` being its first group.
    pub fn finish(mut self, root: u64) -> Vec<u8> {
        let mut head = b"\x89HDF\r\n\x1a\n".to_vec();
        head.extend([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]);
        head.extend(words(&[0, NOWHERE, self.0.len() as u64, NOWHERE, 0, root]));
        self.0[..head.len()].copy_from_slice(&head);
        self.0
    }
}

/// A file whose only member is `X`.
pub fn file_of(file: Hdf5File, x: u64) -> Vec<u8> {
    file_with(file, &[("X", x)])
}

/// A file with these members.
pub fn file_with(mut file: Hdf5File, members: &[(&str, u64)]) -> Vec<u8> {
    let root = file.group(members, &[]);
    file.finish(root)
}

pub fn words(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A message of an object's header.
pub fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        [kind.to_le_bytes(), (body.len().next_multiple_of(8) as u16).to_le_bytes(), [0; 2], [0; 2]].concat();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn link(name: &str, address: u64) -> Vec<u8> {
    message(6, &[&[1, 0, name.len() as u8], name.as_bytes(), &address.to_le_bytes()].concat())
}

fn space(shape: &[u64]) -> Vec<u8> {
    [&[1, shape.len() as u8, 0, 0, 0, 0, 0, 0][..], &words(shape)].concat()
}

/// An attribute.
pub fn attribute(name: &str, datatype: &[u8], shape: &[u64], values: &[u8]) -> Vec<u8> {
    let padded = |bytes: &[u8]| [bytes, &vec![0; bytes.len().next_multiple_of(8) - bytes.len()]].concat();
    let (name, space) = ([name.as_bytes(), &[0]].concat(), space(shape));
    let sizes = [name.len(), datatype.len(), space.len()].map(|n| (n as u16).to_le_bytes());
    message(12, &[&[1, 0][..], &sizes.concat(), &padded(&name), &padded(datatype), &padded(&space), values].concat())
}

/// A type: its class and flags, its bytes, and what describes it.
pub fn datatype(class: u32, size: u32, properties: &[u8]) -> Vec<u8> {
    [&(0x10 | class).to_le_bytes()[..], &size.to_le_bytes(), properties].concat()
}

/// Integers of `size` bytes, the smallest first.
pub fn integer(size: u32, is_signed: bool) -> Vec<u8> {
    layout_of_integer(size, is_signed, 0, 8 * size as u16)
}

/// Integers of these bits within `size` bytes.
pub fn layout_of_integer(size: u32, is_signed: bool, first: u16, bits: u16) -> Vec<u8> {
    datatype(if is_signed { 0x800 } else { 0 }, size, &[first.to_le_bytes(), bits.to_le_bytes()].concat())
}

/// Floats of 32 bits with this bias of the exponent, 127 in IEEE 754.
pub fn float(bias: u32) -> Vec<u8> {
    datatype(1 | 0x20 << 8 | 31 << 16, 4, &[&[0, 0, 32, 0, 23, 8, 0, 23][..], &bias.to_le_bytes()].concat())
}

/// Texts of `size` bytes.
pub fn text(size: u32) -> Vec<u8> {
    datatype(3 | 1 << 8, size, &[])
}

/// Texts of any length.
pub fn any_text() -> Vec<u8> {
    datatype(9 | 1 << 8, 16, &datatype(3, 1, &[]))
}
