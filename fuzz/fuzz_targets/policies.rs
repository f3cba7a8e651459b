//! The fuzzer calls the check of `policies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::policies::check(input));
