//! The bodies of the fuzz targets: each takes any bytes and panics if a promise is broken.
//!
//! They are plain functions so that two programs can run them: libFuzzer (`fuzz_targets/`), to find new inputs, and the
//! ordinary tests on a stable compiler (`tests/fuzz_corpus.rs`), to replay the committed ones. The tests include this file by
//! its path, so it may use the crates that are fuzzed and `std`, and nothing else.

pub mod chronyc;
pub mod config;
pub mod control;
pub mod engine;
pub mod input;
pub mod key_exchange;
pub mod nts;
pub mod responder;
pub mod wire;

/// A name, which is that of a file in `fuzz_targets/` and of a folder in `corpus/`, and the body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("packet_view", wire::packet_view),
    ("packet_round_trip", wire::packet_round_trip),
    ("extension_fields", wire::extension_fields),
    ("engine_session", engine::engine_session),
    ("responder_session", responder::responder_session),
    ("config_text", config::config_text),
    ("key_file", config::key_file),
    ("control_codec", control::control_codec),
    ("chronyc_codec", chronyc::chronyc_codec),
    ("nts_request", nts::nts_request),
    ("nts_reply", nts::nts_reply),
    ("nts_cookie", nts::nts_cookie),
    ("ke_records", nts::ke_records),
    ("key_ring_file", nts::key_ring_file),
    ("key_exchange_server", key_exchange::key_exchange_server),
    ("key_exchange_client", key_exchange::key_exchange_client),
    ("exchange_message", key_exchange::exchange_message),
];
