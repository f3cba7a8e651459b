//! The fuzzer calls the check of `answers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::answers::check(input));
