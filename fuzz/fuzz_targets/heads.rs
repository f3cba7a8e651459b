//! The fuzzer calls the check of `heads`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::heads::check(input));
