#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truechimer_fuzz::key_exchange::key_exchange_server(data));
