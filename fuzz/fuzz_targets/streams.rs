//! The fuzzer calls the check of `streams`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::streams::check(input));
