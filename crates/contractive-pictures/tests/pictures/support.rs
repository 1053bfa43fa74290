//! Pictures made on the spot, the fixtures, and archives of both.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use contractive_pictures::{Fit, Picture, PictureError, PictureOptions, PictureSource};
use image::{ExtendedColorType, ImageFormat};

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pictures")
}

/// Each with its size.
pub fn keep() -> PictureOptions {
    PictureOptions { fit: Fit::Keep, ..PictureOptions::default() }
}

/// The file of a picture: grey where there is a byte a pixel, else in colour.
pub fn file(format: ImageFormat, width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
    let colour = if pixels.len() == width * height { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut out = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut out, pixels, width as u32, height as u32, colour, format).unwrap();
    out.into_inner()
}

/// A PNG of one grey.
pub fn png(width: usize, height: usize, grey: u8) -> Vec<u8> {
    file(ImageFormat::Png, width, height, &vec![grey; width * height])
}

/// A folder of these files.
pub fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A picture that is read alone, whatever it is called.
pub fn read(bytes: &[u8]) -> Result<Picture, PictureError> {
    let folder = folder(&[("x.png", bytes.to_vec())]);
    PictureSource::open(folder.path().join("x.png"), &keep())?.read(0)
}

/// The error of what must be refused.
pub fn refused(path: &Path, options: &PictureOptions) -> PictureError {
    match PictureSource::open(path, options) {
        Ok(source) => panic!("{} opens with {} pictures", path.display(), source.len()),
        Err(error) => error,
    }
}

pub fn zip(files: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An array as numpy saves it.
pub fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values);
    bytes
}

/// Bytes that look drawn, the same each time.
pub fn drawn(n: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..n).map(|_| next()).collect()
}

/// A TIFF of `data`, which begins at 8, with these tags: bytes (1), shorts (3) or longs (4). Its numbers are little-endian, or big-endian.
pub fn tiff_of(is_little: bool, data: &[u8], tags: &[(u16, u16, Vec<u32>)]) -> Vec<u8> {
    let number = |value: u32, n: usize| match is_little {
        true => value.to_le_bytes()[..n].to_vec(),
        false => value.to_be_bytes()[4 - n..].to_vec(),
    };
    let order = if is_little { b"II" } else { b"MM" };
    let mut bytes = [order.as_slice(), &number(42, 2), &[0; 4], data].concat();
    let mut directory = number(tags.len() as u32, 2);
    for (tag, kind, values) in tags {
        let size = if *kind == 3 { 2 } else { usize::from(*kind) };
        let mut packed: Vec<u8> = values.iter().flat_map(|&value| number(value, size)).collect();
        directory.extend([number((*tag).into(), 2), number((*kind).into(), 2)].concat());
        directory.extend(number(values.len() as u32, 4));
        if packed.len() > 4 {
            directory.extend(number(bytes.len() as u32, 4));
            bytes.extend(packed);
        } else {
            packed.resize(4, 0);
            directory.extend(packed);
        }
    }
    let at = number(bytes.len() as u32, 4);
    bytes[4..8].copy_from_slice(&at);
    [bytes, directory, vec![0; 4]].concat()
}

/// The same, little-endian.
pub fn tiff(data: &[u8], tags: &[(u16, u16, Vec<u32>)]) -> Vec<u8> {
    tiff_of(true, data, tags)
}
