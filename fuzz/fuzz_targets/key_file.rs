#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truechimer_fuzz::config::key_file(data));
