//! The fuzzer calls the check of `batches`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::batches::check(input));
