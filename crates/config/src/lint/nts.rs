//! Rules about serving authenticated time.

use crate::nts::{RingOrigin, ServeNts};
use crate::rules;

use super::Linter;

/// Eight cookies (RFC 8915 §4) at the longest usual poll interval, 1024 s.
const SUPPLY_S: f64 = 8.0 * 1024.0;

pub(super) fn lint(linter: &mut Linter<'_>, nts: &ServeNts) {
    let rotate_s = match nts.ring {
        RingOrigin::File { rotate_s, .. } => rotate_s,
        RingOrigin::Master { rotate_s, .. } => Some(rotate_s),
    };
    // A cookie that was made just before a rotation.
    if let Some(life_s) = rotate_s.map(|rotate_s| rotate_s * nts.keep as f64)
        && life_s < SUPPLY_S
    {
        linter.say(
            &rules::SHORT_COOKIES,
            "serve.nts.rotate",
            format!(
                "a cookie may be worthless after {life_s:.0} s, before a client has used its eight: \
                 clients exchange keys again and again"
            ),
            "make `rotate` longer or `keep` larger; a day and 2 are usual",
        );
    }
    let sends_away = nts.key_exchange.as_ref().and_then(|exchange| exchange.ntp_server.as_deref());
    let own = matches!(nts.ring, RingOrigin::File { .. }) && !linter.parsed.places.has("serve.nts.key_ring");
    if let (Some(server), true) = (sends_away, own) {
        linter.say(
            &rules::OWN_KEYS,
            "serve.nts.ntp_server",
            format!("clients are sent to `{server}`, but the keys for their cookies stay on this machine"),
            "share them: key_ring = \"…\" or master_secret = \"…\", here and there",
        );
    }
}
