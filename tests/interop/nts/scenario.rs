//! What happens in the trials with NTS.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use truechimer_tests::process::eventually;

use super::peers::{GCM_SIV, Peer, Serving};
use super::site::{NAME, Site};
use crate::ours::Ours;

/// Replies after which every cookie that came with the keys is used up, so that those in use came in replies.
const REFILLED: u64 = 12;
/// The port to which clients are sent on.
const OTHER_PORT: u16 = 1123;
/// All that a trial waits for takes far less on a quiet machine.
const LIMIT: Duration = Duration::from_secs(90);

/// We are the client.
pub(crate) fn serve_us(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let _peer = (peer.serve)(&site, &Serving::default())?;
    let ours = our_client(&site, &site.root, "inline")?;
    ours.wait_until_selected().map_err(|e| site.explain(e))?;
    assert_authenticated(&ours, peer.algorithm, site.address).map_err(|e| site.explain(e))
}

/// We are the server.
pub(crate) fn served_by_us(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let ours = our_server(&site, "inline")?;
    let _peer = (peer.follow)(&site, &site.root)?;
    wait_until_follows(&site, peer, site.address, &ours)?;
    assert_served(&ours)
}

/// We are both; in one process each, or in several.
pub(crate) fn among_ourselves(roles: &str, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let server = our_server(&site, roles)?;
    let client = our_client(&site, &site.root, roles)?;
    client.wait_until_selected()?;
    assert_authenticated(&client, GCM_SIV, site.address)?;
    assert_served(&server)
}

/// Several threads answer, and the kernel chooses which: each request comes from another port.
pub(crate) fn served_by_threads() -> Result<(), String> {
    let site = Site::new(false)?;
    let section = format!("workers = 4\n[serve.nts]\n{}", certificate(&site));
    let server = Ours::start_server_with(&site.server, &site.folder("server")?, "process", &section)?;
    let client = our_client(&site, &site.root, "process")?;
    client.wait_until_selected()?;
    assert_authenticated(&client, GCM_SIV, site.address)?;
    assert_served(&server)
}

/// We trust another authority: nothing is asked, and the reason is said.
pub(crate) fn strange_to_us(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let _peer = (peer.serve)(&site, &Serving::default())?;
    let ours = our_client(&site, &site.stranger, "inline")?;
    let mut last = Value::Null;
    let failure = |source: &Value| {
        source.pointer("/authentication/nts/failure").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    // It may come before the server is up, and be refused at first.
    eventually(LIMIT, "the refusal", || {
        last = ours.source().unwrap_or_default();
        failure(&last).contains("authority that is not trusted")
    })
    .map_err(|e| site.explain(format!("{e}: {last}")))?;
    match number(&last, "/sent") {
        Some(0) => Ok(()),
        _ => Err(format!("something was asked: {last}")),
    }
}

/// They trust another authority: they get no keys, and ask nothing.
pub(crate) fn strange_to_them(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let ours = our_server(&site, "inline")?;
    let _peer = (peer.follow)(&site, &site.stranger)?;
    let mut status = Value::Null;
    eventually(LIMIT, "a failed key exchange", || {
        status = ours.status().unwrap_or_default();
        let failed = status.pointer("/key_exchange/failed").and_then(Value::as_object);
        failed.is_some_and(|failed| !failed.is_empty())
    })
    .map_err(|e| site.explain(ours.explain(&format!("{e}: {status}"))))?;
    match (number(&status, "/key_exchange/exchanged"), number(&status, "/server/received")) {
        (Some(0), Some(0)) => Ok(()),
        _ => Err(site.explain(ours.explain(&format!("they went on: {status}")))),
    }
}

/// Their server starts anew with other keys for cookies: we exchange keys once more, and go on.
pub(crate) fn they_lose_their_keys(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let server = (peer.serve)(&site, &Serving::default())?;
    let ours = our_client(&site, &site.root, "inline")?;
    ours.wait_until_selected().map_err(|e| site.explain(e))?;
    drop(server);
    site.forget()?;
    let _server = (peer.serve)(&site, &Serving::default())?;
    let exchanges = |source: &Value| number(source, "/authentication/nts/key_exchanges");
    let mut last = Value::Null;
    let mut wait = |what: &str, condition: &dyn Fn(&Value) -> bool| {
        let met = eventually(LIMIT, what, || {
            last = ours.source().unwrap_or_default();
            condition(&last)
        });
        met.map(|()| last.clone()).map_err(|e| site.explain(ours.explain(&format!("{e}: {last}"))))
    };
    let then = wait("other keys", &|source| exchanges(source) == Some(2))?;
    let before = number(&then, "/accepted").unwrap_or_default();
    let now = wait("replies with them", &|source| number(source, "/accepted") >= Some(before + 4))?;
    let told = number(&now, "/authentication/nts/naks").unwrap_or_default() > 0;
    if exchanges(&now) == Some(2) && told == peer.says_nak {
        return Ok(());
    }
    Err(site.explain(ours.explain(&format!("not as it should be: {now}"))))
}

/// We start anew with other keys for cookies: they exchange keys once more, and go on.
pub(crate) fn we_lose_our_keys(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let ours = our_server(&site, "inline")?;
    let _peer = (peer.follow)(&site, &site.root)?;
    eventually(LIMIT, "the first replies", || ours.count("nts").is_ok_and(|count| count >= 4))
        .map_err(|e| site.explain(e))?;
    drop(ours);
    fs::remove_file(site.folder("server")?.join("ours/key-ring")).map_err(|e| e.to_string())?;
    let ours = our_server(&site, "inline")?;
    let mut status = Value::Null;
    let is = |status: &Value, name: &str, least: u64| number(status, name) >= Some(least);
    eventually(LIMIT, "other keys, and requests with them", || {
        status = ours.status().unwrap_or_default();
        is(&status, "/key_exchange/exchanged", 1) && is(&status, "/server/nts", 4)
    })
    .map_err(|e| site.explain(ours.explain(&format!("{e}: {status}"))))?;
    if is(&status, "/server/nts_naks", 1) {
        return Ok(());
    }
    Err(site.explain(ours.explain(&format!("nobody was told that the cookies are void: {status}"))))
}

/// Our key exchange names another address and port.
pub(crate) fn sent_elsewhere_by_us(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let elsewhere = site.server.second_address(v6);
    let config = format!(
        "[local]\nstratum = 3\n[serve]\nlisten = [\"{0}:{OTHER_PORT}\"]\nallow = [\"10.77.0.0/24\", \"fd77::/64\"]\n\
         [serve.nts]\nlisten = [\"{1}:4460\"]\nntp_server = \"{elsewhere}\"\nntp_port = {OTHER_PORT}\n{2}",
        bracketed(elsewhere),
        bracketed(site.address),
        certificate(&site),
    );
    let ours = Ours::start(&site.server, &site.folder("server")?, "inline", &config)?;
    let _peer = (peer.follow)(&site, &site.root)?;
    wait_until_follows(&site, peer, elsewhere, &ours)?;
    assert_served(&ours)
}

/// Theirs does.
pub(crate) fn sent_elsewhere_by_them(peer: Peer, v6: bool) -> Result<(), String> {
    let site = Site::new(v6)?;
    let elsewhere = site.server.second_address(v6);
    let _peer = (peer.serve)(&site, &Serving { elsewhere: Some((elsewhere, OTHER_PORT)) })?;
    let ours = our_client(&site, &site.root, "inline")?;
    ours.wait_until_selected().map_err(|e| site.explain(e))?;
    assert_authenticated(&ours, peer.algorithm, elsewhere).map_err(|e| site.explain(e))?;
    let source = ours.source()?;
    let port = format!("{}:{OTHER_PORT}", bracketed(elsewhere));
    match source.pointer("/address").and_then(Value::as_str) {
        Some(address) if address == port => Ok(()),
        _ => Err(format!("another port was asked: {source}")),
    }
}

fn our_client(site: &Site, root: &Path, roles: &str) -> Result<Ours, String> {
    let config = format!(
        "[[source]]\nserver = \"{NAME}\"\nnts = true\npoll = {{ min = 0, max = 0 }}\n\
         [nts]\nsystem_certificates = false\ntrusted_certificates = [\"{}\"]\n",
        root.display()
    );
    Ours::start(&site.client, &site.folder("client")?, roles, &config)
}

fn our_server(site: &Site, roles: &str) -> Result<Ours, String> {
    let section = format!("[serve.nts]\n{}", certificate(site));
    Ours::start_server_with(&site.server, &site.folder("server")?, roles, &section)
}

fn certificate(site: &Site) -> String {
    format!("certificate = \"{}\"\nprivate_key = \"{}\"\n", site.chain.display(), site.key.display())
}

/// An address as it stands before a port.
pub(super) fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.into() }
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.pointer(name).and_then(Value::as_u64)
}

/// Waits until they follow us at the address, say that it is authenticated, and have used up the cookies of the key exchange.
fn wait_until_follows(site: &Site, peer: Peer, address: &str, ours: &Ours) -> Result<(), String> {
    let mut last = Err(String::new());
    eventually(LIMIT, peer.name, || {
        last = (peer.follows)(site, address);
        last.is_ok() && ours.count("nts").is_ok_and(|count| count > REFILLED)
    })
    .map_err(|e| {
        let (Ok(said) | Err(said)) = &last;
        site.explain(ours.explain(&format!("{e} to follow us; it says:\n{said}\nand we {:?}", ours.status())))
    })
}

/// The one source was believed by its seals, and its cookies were replaced as they were used.
fn assert_authenticated(ours: &Ours, algorithm: &str, address: &str) -> Result<(), String> {
    let mut last = Value::Null;
    eventually(LIMIT, "more replies than there were cookies", || {
        last = ours.source().unwrap_or_default();
        number(&last, "/accepted") > Some(REFILLED)
    })
    .map_err(|e| ours.explain(&format!("{e}: {last}")))?;
    let is = |name: &str, value: Value| last.pointer(name) == Some(&value);
    let asked = last.pointer("/address").and_then(Value::as_str).unwrap_or_default();
    let good = is("/authentication/method", "nts".into())
        && is("/authentication/algorithm", algorithm.into())
        && is("/authentication/nts/key_exchanges", 1.into())
        && is("/authentication/nts/naks", 0.into())
        && is("/authentication/nts/failure", Value::Null)
        && is("/dropped", Value::Object(serde_json::Map::new()))
        // One is under way, perhaps.
        && number(&last, "/authentication/nts/cookies") >= Some(7)
        && number(&last, "/authentication/nts/last_key_exchange_age_s").is_some()
        && asked.starts_with(&bracketed(address));
    if good { Ok(()) } else { Err(ours.explain(&format!("not authenticated as it should be: {last}"))) }
}

/// Everything that we answered was sealed, after one key exchange.
fn assert_served(ours: &Ours) -> Result<(), String> {
    let status = ours.status()?;
    let sealed = number(&status, "/server/nts").unwrap_or_default();
    let good = sealed > REFILLED
        && number(&status, "/server/answered") == Some(sealed)
        && number(&status, "/server/nts_naks") == Some(0)
        && number(&status, "/key_exchange/exchanged") == Some(1);
    if good { Ok(()) } else { Err(ours.explain(&format!("not served as it should be: {status}"))) }
}
