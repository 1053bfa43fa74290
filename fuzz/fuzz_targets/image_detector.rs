#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| contractive_fuzz::image_detector(bytes));
