//! The fuzzer calls the check of `lanes`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::lanes::check(input));
