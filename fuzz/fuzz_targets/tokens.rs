//! The fuzzer calls the check of `tokens`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::tokens::check(input));
