//! The one kind of TLS that is spoken here, on both sides (RFC 8915 §3 and §4).
//!
//! | choice | why |
//! |---|---|
//! | TLS 1.3 only | RFC 8915 §3; it has neither renegotiation nor compression |
//! | ALPN `ntske/1`, required on both sides | RFC 8915 §4; without it, any TLS server on the path would do |
//! | no tickets, no resumption, no early data | a ticket links a client's exchanges across networks, and costs the server more than it saves as nobody comes back within hours |
//! | AES-128-GCM with SHA-256 first | as strong as the NTS algorithms that it carries keys for, and the cheapest |
//! | X25519 first, then P-256, P-384, and X25519 with ML-KEM-768 last | see below |
//!
//! The hybrid with ML-KEM-768 protects against a recording that is decrypted years later. What a key exchange carries is
//! worthless by then: keys prove that a time was authentic on the day, and the time itself is public. What remains is that a
//! recording could be linked to a client. So we do not ask for it (it doubles the bytes and adds a third to the server's
//! work), but a client that prefers it gets it: the server follows the client's order of groups.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The cryptography, in our order.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::{cipher_suite, kx_group};
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1, kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    })
}

/// The TLS library asks for the time where tickets and certificates need it. The certificate's dates are our own business
/// (`verify`), there are no tickets, and a clock is not read in this crate; but a peer that offers somebody else's ticket
/// must not fail for want of an answer.
#[derive(Debug)]
pub(crate) struct NoClock;

impl TimeProvider for NoClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}
