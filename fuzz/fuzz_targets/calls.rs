//! The fuzzer calls the check of `calls`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::calls::check(input));
