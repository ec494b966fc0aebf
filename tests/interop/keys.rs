//! The same with symmetric keys, each side with a key file in its own format, ours in the peer's.

use std::path::Path;

use serde_json::Value;
use truechimer_tests::netns::Cable;
use truechimer_tests::process::eventually;

use crate::ours::Ours;
use crate::peers::{CHRONY, Key, NTPSEC, Peer, subfolder, wait_until_follows, write};

/// A test with a key, over IPv6 or not, in this version of NTP.
pub(crate) type Run = fn(Peer, Key, bool, u8) -> Result<(), String>;

const MD5: Key = Key { id: 1, name: "MD5", hex: "83C1D5B6A2F04E9718AB36C7D25E60F9" };
const SHA1: Key = Key { id: 20, name: "SHA1", hex: "933F62BE1D604E68A81B557F18CFA200483F5B70" };
const SHA256: Key = Key { id: 300, name: "SHA256", hex: "5A0B7CF3E7D6A1B924C8D0E39F61742B88D4150E" };
const SHA512: Key = Key { id: 65_000, name: "SHA512", hex: "B3C07F12A95D4E6688F1230ACD7B9E4412FEDC56" };
const AES128: Key = Key { id: 4000, name: "AES128", hex: "7EA62AE64D190114D46D5A082F948EC1" };
const AES256: Key =
    Key { id: 5000, name: "AES256", hex: "37DDCBC67BB902BCB8E995977FAB4D2B5642F5B32EBCEEE421921D97E5CBFE39" };

/// What is tried: peer, key, IPv6, version.
pub(crate) fn combinations() -> Vec<(Peer, Key, bool, u8)> {
    let mut all = Vec::new();
    for peer in [CHRONY, NTPSEC] {
        all.extend([MD5, SHA1, SHA256, SHA512, AES128, AES256].map(|key| (peer, key, false, 4)));
        all.push((peer, AES128, true, 4));
        // Digests of at most 160 bits are the same in NTPv3, whoever sends them.
        all.push((peer, SHA1, false, 3));
    }
    // Longer ones chronyd sends whole, as we do; ntpd does not.
    all.push((CHRONY, SHA512, false, 3));
    all
}

/// We are the client: the peer is selected by replies that are authenticated.
pub(crate) fn serve_us(peer: Peer, key: Key, v6: bool, version: u8) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let _peer = (peer.start)(server, &subfolder(folder.path(), "peer")?, None, Some(&key))?;
    let options = format!("version = {version}\n{}", our_keys(peer, key, folder.path())?);
    let ours = Ours::start_client(client, folder.path(), server.address(v6), &options)?;
    ours.wait_until_selected()?;
    let source = ours.source()?;
    let algorithm = source.pointer("/authentication/algorithm").and_then(Value::as_str);
    match algorithm {
        Some(name) if name == key.name => Ok(()),
        _ => Err(format!("not authenticated as it should be: {source}")),
    }
}

/// We are the server: the peer follows us, and every request that we answered was authenticated.
pub(crate) fn served_by_us(peer: Peer, key: Key, v6: bool, version: u8) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let section = format!("[keys]\nfile = \"{}\"\n", our_file(peer, key, folder.path())?);
    let ours = Ours::start_server(server, folder.path(), &section)?;
    let address = server.address(v6);
    let upstream = format!("{address} version {version}");
    let _peer = (peer.start)(client, &subfolder(folder.path(), "peer")?, Some(&upstream), Some(&key))?;
    wait_until_follows(peer, client, folder.path(), address)?;
    // Both of one moment: the next request may come at any time.
    let status = ours.status()?;
    let count = |what: &str| status.pointer(&format!("/server/{what}")).and_then(Value::as_u64);
    match (count("answered"), count("authenticated")) {
        (Some(answered), authenticated) if answered > 0 && authenticated == Some(answered) => Ok(()),
        counted => Err(format!("answered and authenticated: {counted:?}")),
    }
}

/// We have another key under the same identifier: neither side believes the other.
pub(crate) fn refuses_us(peer: Peer, v6: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let theirs = Key { hex: "00112233445566778899AABBCCDDEEFF", ..AES128 };
    let _peer = (peer.start)(server, &subfolder(folder.path(), "peer")?, None, Some(&theirs))?;
    let options = our_keys(peer, AES128, folder.path())?;
    let ours = Ours::start_client(client, folder.path(), server.address(v6), &options)?;
    let mut last = Value::Null;
    eventually(std::time::Duration::from_secs(60), "a handful of requests", || {
        last = ours.source().unwrap_or_default();
        last.get("sent").and_then(Value::as_u64) >= Some(5)
    })
    .map_err(|e| format!("{e}: {last}"))?;
    match last.get("accepted").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => Err(format!("another key was believed: {last}")),
    }
}

/// The option of a source, and the section.
fn our_keys(peer: Peer, key: Key, folder: &Path) -> Result<String, String> {
    Ok(format!("key = {}\n[keys]\nfile = \"{}\"\n", key.id, our_file(peer, key, folder)?))
}

fn our_file(peer: Peer, key: Key, folder: &Path) -> Result<String, String> {
    Ok(write(folder, "our-keys", &(peer.key_line)(&key))?.display().to_string())
}
