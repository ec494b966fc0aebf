//! A report with one source in every state.

use truechimer_control::message::ClientList;
use truechimer_engine::report::{
    AuthenticationReport, ClientReport, KeyExchangeReport, NtsReport, Report, ServerReport, SourceReport,
    SourceState, SystemReport,
};

/// Holds a text against `tests/NAME.txt`; with `BLESS=1` in the environment the file is written anew, to be read by a
/// human before it is committed.
pub(crate) fn expect(name: &str, text: &str) {
    let path = format!("{}/src/render/tests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{path}");
}

/// Synchronised to two of several sources.
pub(crate) fn report() -> Report {
    let mut sources = vec![
        answering("ntp1.example.net", "192.0.2.1:123", SourceState::SystemPeer),
        answering("2.pool.example.org", "[2001:db8::7]:123", SourceState::Survivor),
        answering("2.pool.example.org", "198.51.100.4:123", SourceState::Outlier),
        answering("liar.example.com", "203.0.113.9:1123", SourceState::Falseticker),
        answering("far.example.com", "203.0.113.10:123", SourceState::Rejected),
        answering("watched.example.com", "203.0.113.11:123", SourceState::NoSelect),
        silent("dead.example.com", Some("203.0.113.12:123"), SourceState::Unreachable),
        silent("off.example.com", Some("203.0.113.13:123"), SourceState::Offline),
        silent("new.example.com", None, SourceState::Resolving),
        silent("denied.example.com", Some("203.0.113.14:123"), SourceState::Stopped),
    ];
    for pool in &mut sources[1..3] {
        pool.kind = "pool".into();
    }
    sources[0].authentication = Some(AuthenticationReport {
        method: "key".into(),
        key_id: Some(10),
        algorithm: Some("AES128".into()),
        nts: None,
    });
    sources[3].offset_s = Some(-0.080_012);
    sources[3].reason = "its interval does not meet the majority's".into();
    sources[3].dropped = [("origin".to_owned(), 2), ("duplicate".to_owned(), 1)].into();
    sources[4].reason = "its root distance is above the limit".into();
    sources[4].root_distance_s = Some(2.31);
    sources[5].options = vec!["noselect".into()];
    sources[9].reason = "it sent the kiss code DENY".into();
    Report { system: system(), sources, server: Some(server()), key_exchange: Some(key_exchange()) }
}

/// The same with NTS: a source that has trouble, and one that is only beginning.
pub(crate) fn with_nts() -> Report {
    let mut report = report();
    let sources = &mut report.sources;
    sources[6].authentication = Some(nts(NtsReport {
        cookies: 3,
        key_exchanges: 2,
        last_key_exchange_age_s: Some(7200),
        unproven_key_exchanges: 1,
        failure: Some("nothing listens on the port for key exchange: is it an NTS server?".into()),
        retry_s: Some(45),
        naks: 4,
        certificate_expires_unix_s: Some(1_795_000_000),
        certificate_time: Some("deferred".into()),
        ..no_keys("dead.example.com")
    }));
    sources[8].authentication = Some(nts(no_keys("new.example.com")));
    report
}

/// Before the first answer.
pub(crate) fn starting() -> Report {
    let system = SystemReport {
        synchronised: false,
        reason: "waiting for the sources' names to be resolved".into(),
        warnings: vec!["only one source: its errors cannot be noticed".into()],
        leap: "unsynchronised".into(),
        stratum: 16,
        reference_id: String::new(),
        system_peer: None,
        last_update_age_s: None,
        offset_s: 0.0,
        offset_sd_s: 0.0,
        bound_s: None,
        frequency_ppm: 0.0,
        frequency_sd_ppm: 100.0,
        slew_ppm: 0.0,
        slew_remaining_s: 0.0,
        last_offset_s: None,
        rms_offset_s: None,
        update_interval_s: None,
        updates: 0,
        steps: 0,
        stepped_total_s: 0.0,
        controls_clock: false,
        root_delay_s: 0.0,
        root_dispersion_s: 16.0,
        uptime_s: None,
        certificate_time: Some("unknown".into()),
        ..system()
    };
    let sources = vec![silent("ntp1.example.net", None, SourceState::Resolving)];
    Report { system, sources, server: None, key_exchange: None }
}

fn system() -> SystemReport {
    SystemReport {
        synchronised: true,
        reason: "2 of 6 sources agree".into(),
        warnings: vec!["liar.example.com disagrees with the majority by 80.0 ms".into()],
        leap: "none".into(),
        stratum: 3,
        reference_id: "192.0.2.1".into(),
        system_peer: Some("ntp1.example.net".into()),
        time_unix_s: 1_790_000_000.25,
        last_update_age_s: Some(12.3),
        offset_s: 12.3e-6,
        offset_sd_s: 4.1e-6,
        bound_s: Some(1.234e-3),
        frequency_ppm: -17.3456,
        frequency_sd_ppm: 0.0123,
        slew_ppm: 3.2,
        slew_remaining_s: 12.3e-6,
        wander: 1e-9,
        root_delay_s: 1.8e-3,
        root_dispersion_s: 0.3e-3,
        max_distance_s: 1.5,
        last_offset_s: None,
        rms_offset_s: None,
        update_interval_s: None,
        updates: 53,
        steps: 1,
        stepped_total_s: 0.8,
        controls_clock: true,
        local_reference: false,
        uptime_s: None,
        certificate_time: Some("known".into()),
    }
}

fn server() -> ServerReport {
    ServerReport {
        received: 1234,
        answered: 1230,
        authenticated: 7,
        signed: 2,
        nts: 5,
        nts_naks: 0,
        kisses: 0,
        clients_lost: 0,
        dropped: [("access".to_owned(), 4)].into(),
    }
}

/// Two clients of many.
pub(crate) fn clients() -> ClientList {
    let client = |address: &str, requests| ClientReport {
        address: address.parse().unwrap(),
        requests,
        dropped: 0,
        authenticated: 0,
        first_age_s: 86_520.0,
        last_age_s: 34.0,
        interval_s: Some(64.2),
        limited_interval_s: None,
        port: 123,
        version: 4,
        mode: 3,
    };
    let greedy = ClientReport {
        dropped: 61_210,
        last_age_s: 0.4,
        interval_s: Some(0.9),
        limited_interval_s: Some(0.21),
        port: 40_112,
        version: 3,
        ..client("192.0.2.77", 81_613)
    };
    let secure = ClientReport { authenticated: 1351, ..client("2001:db8:6:1::9", 1351) };
    ClientList { known: 342, clients: vec![greedy, secure] }
}

fn key_exchange() -> KeyExchangeReport {
    let end = system().time_unix_s as i64 + 41 * 86_400;
    KeyExchangeReport {
        open: 1,
        accepted: 95,
        exchanged: 90,
        failed: [("not_tls".to_owned(), 3), ("timed_out".to_owned(), 1)].into(),
        certificate_unix_s: Some([end - 90 * 86_400, end]),
        cookie_key: Some("5c0f1e29".into()),
    }
}

fn no_keys(server: &str) -> NtsReport {
    NtsReport {
        server: server.into(),
        address: Some("203.0.113.12:4460".into()),
        cookies: 0,
        key_exchanges: 0,
        last_key_exchange_age_s: None,
        unproven_key_exchanges: 0,
        failure: None,
        retry_s: None,
        naks: 0,
        certificate_expires_unix_s: None,
        certificate_time: None,
    }
}

fn nts(nts: NtsReport) -> AuthenticationReport {
    let algorithm = (nts.key_exchanges > 0).then(|| "AES-SIV-CMAC-256".into());
    AuthenticationReport { method: "nts".into(), key_id: None, algorithm, nts: Some(nts) }
}

fn answering(name: &str, address: &str, state: SourceState) -> SourceReport {
    SourceReport {
        name: name.into(),
        address: Some(address.into()),
        kind: "server".into(),
        state,
        reason: String::new(),
        reach: 0o377,
        stratum: Some(2),
        leap: Some("none".into()),
        reference_id: Some("198.51.100.1".into()),
        poll: 6,
        last_sample_age_s: Some(34.5),
        last_offset_s: Some(15.1e-6),
        last_delay_s: Some(0.911e-3),
        offset_s: Some(12.3e-6),
        offset_sd_s: Some(4.1e-6),
        frequency_ppm: Some(-17.3),
        root_distance_s: Some(1.234e-3),
        interval_s: Some([-1.1e-3, 1.2e-3]),
        jitter_s: Some(21e-6),
        base_delay_s: Some(0.87e-3),
        samples: 48,
        history: None,
        packet: None,
        refused: None,
        last_offset_now_s: Some(15.1e-6),
        frequency_sd_ppm: Some(0.02),
        configured_options: Some(Vec::new()),
        stamps: Some(["kernel".into(), "kernel".into()]),
        sent: 50,
        accepted: 48,
        dropped: Default::default(),
        options: Vec::new(),
        authentication: None,
    }
}

fn silent(name: &str, address: Option<&str>, state: SourceState) -> SourceReport {
    SourceReport {
        address: address.map(Into::into),
        reach: 0,
        stratum: None,
        leap: None,
        reference_id: None,
        last_sample_age_s: None,
        last_offset_s: None,
        last_offset_now_s: None,
        last_delay_s: None,
        offset_s: None,
        offset_sd_s: None,
        frequency_ppm: None,
        frequency_sd_ppm: None,
        root_distance_s: None,
        interval_s: None,
        jitter_s: None,
        base_delay_s: None,
        samples: 0,
        stamps: None,
        sent: 9,
        accepted: 0,
        ..answering(name, "", state)
    }
}
