//! The fuzzer calls the check of `ledgers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::ledgers::check(input));
