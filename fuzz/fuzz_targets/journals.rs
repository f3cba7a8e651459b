//! The fuzzer calls the check of `journals`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::journals::check(input));
