//! The fuzzer calls the check of `forms`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::forms::check(input));
