//! How the others are configured for NTS, and how each says what came of it.

use std::path::{Path, PathBuf};

use truechimer_tests::layer::{Need, fetched};
use truechimer_tests::netns::Host;
use truechimer_tests::process::{Guarded, run};

use super::scenario::bracketed;
use super::site::{NAME, Site};
use crate::peers::{NTPSEC, compile, write};

/// A program that speaks NTS.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    /// Its name in the tests' names.
    pub(crate) name: &'static str,
    /// What it needs.
    pub(crate) needs: fn() -> Vec<Need>,
    /// Starts it as a server.
    pub(crate) serve: fn(&Site, &Serving) -> Result<Guarded, String>,
    /// Starts it as a client that trusts this root.
    pub(crate) follow: fn(&Site, &Path) -> Result<Guarded, String>,
    /// What it says when it follows the server at this address by authenticated packets and has all its cookies; or what it
    /// says instead.
    pub(crate) follows: fn(&Site, &str) -> Result<String, String>,
    /// The algorithm that both like best.
    pub(crate) algorithm: &'static str,
    /// Its server tells clients that it cannot open their cookies.
    pub(crate) says_nak: bool,
}

/// How it serves.
#[derive(Default)]
pub(crate) struct Serving {
    /// Where clients are sent for time, an address of the same host.
    pub(crate) elsewhere: Option<(&'static str, u16)>,
}

pub(crate) const SIV: &str = "AES-SIV-CMAC-256";
pub(crate) const GCM_SIV: &str = "AES-128-GCM-SIV";

/// Of the release that the tests run on.
pub(crate) const CHRONY: Peer = Peer {
    name: "chronyd",
    needs: || vec![Need::fetched(OLD_CHRONY.0), Need::fetched(OLD_CHRONY.1)],
    serve: |site, how| serve_chrony(site, how, OLD_CHRONY, ""),
    follow: |site, root| follow_chrony(site, root, OLD_CHRONY),
    follows: |site, address| chrony_follows(site, address, OLD_CHRONY, "15,256"),
    algorithm: SIV,
    says_nak: true,
};

/// 4.6.1, which knows AES-128-GCM-SIV, and two ways to derive keys for it.
pub(crate) const CHRONY_GCM: Peer = Peer {
    name: "chronyd_4_6_1",
    needs: || vec![Need::fetched(NEW_CHRONY.0), Need::fetched(NEW_CHRONY.1)],
    serve: |site, how| serve_chrony(site, how, NEW_CHRONY, ""),
    follow: |site, root| follow_chrony(site, root, NEW_CHRONY),
    follows: |site, address| chrony_follows(site, address, NEW_CHRONY, "30,128"),
    algorithm: GCM_SIV,
    says_nak: true,
};

/// The same, as a server that wants nothing but AES-SIV-CMAC-256.
pub(crate) const CHRONY_SIV: Peer = Peer {
    name: "chronyd_4_6_1_without_gcm_siv",
    serve: |site, how| serve_chrony(site, how, NEW_CHRONY, "ntsaeads 15\n"),
    algorithm: SIV,
    ..CHRONY_GCM
};

pub(crate) const NTPSEC_NTS: Peer = Peer {
    name: "ntpsec",
    needs: || vec![Need::fetched(NTPSEC.daemon), Need::program("python3")],
    serve: serve_ntpsec,
    follow: follow_ntpsec,
    follows: ntpsec_follows,
    algorithm: SIV,
    says_nak: false,
};

pub(crate) const NTPD_RS: Peer = Peer {
    name: "ntpd_rs",
    needs: || {
        let program = |name: &str| Need {
            what: format!("{name} of ntpd-rs (run tests/fetch.sh)"),
            met: ntpd_rs().join(name).exists(),
        };
        vec![program("ntp-daemon"), program("ntp-ctl"), Need::program("cc")]
    },
    serve: serve_ntpd_rs,
    follow: follow_ntpd_rs,
    follows: ntpd_rs_follows,
    algorithm: SIV,
    says_nak: true,
};

/// Daemon and control program below the fetched folder.
type Chrony = (&'static str, &'static str);

const OLD_CHRONY: Chrony = ("chrony/usr/sbin/chronyd", "chrony/usr/bin/chronyc");
const NEW_CHRONY: Chrony = ("trixie/bin/chronyd", "trixie/bin/chronyc");

fn serve_chrony(site: &Site, how: &Serving, chrony: Chrony, more: &str) -> Result<Guarded, String> {
    let elsewhere = how.elsewhere.map(|(address, port)| format!("ntsntpserver {address}\nport {port}\n"));
    let more = format!("{more}{}", elsewhere.unwrap_or_default());
    let (chain, key) = (site.chain.display(), site.key.display());
    let config = format!(
        "local stratum 3\nallow all\nntsserverkey {key}\nntsservercert {chain}\nntsprocesses 0\n{more}"
    );
    start_chrony(site, &site.server, chrony, &config)
}

fn follow_chrony(site: &Site, root: &Path, chrony: Chrony) -> Result<Guarded, String> {
    let root = root.display();
    let config =
        format!("server {NAME} iburst minpoll 0 maxpoll 0 nts\nnosystemcert\nntstrustedcerts {root}\n");
    start_chrony(site, &site.client, chrony, &config)
}

fn start_chrony(site: &Site, host: &Host, (daemon, _): Chrony, config: &str) -> Result<Guarded, String> {
    let folder = site.peers()?;
    let dir = folder.display();
    let config = format!("{config}cmdport 0\nbindcmdaddress {dir}/chronyd.sock\npidfile {dir}/chronyd.pid\n");
    let config = write(&folder, "chrony.conf", &config)?;
    let mut command = host.command(fetched().join(daemon));
    command.args(["-d", "-x", "-u", "root", "-f"]).arg(config);
    Guarded::start(command, &folder.join("log"))
}

/// `algorithm` is its number and the length of its keys, bits.
fn chrony_follows(
    site: &Site,
    address: &str,
    (_, control): Chrony,
    algorithm: &str,
) -> Result<String, String> {
    let ask = |what: &str| {
        let mut chronyc = site.client.command(fetched().join(control));
        chronyc.args(["-n", "-c", "-h"]).arg(site.peers()?.join("chronyd.sock")).arg(what);
        run(&mut chronyc)
    };
    let (sources, authentication) = (ask("sources")?, ask("authdata")?);
    let said = format!("{sources}{authentication}");
    // Address, mode, key exchange, algorithm, length, seconds since then, attempts, NAKs, cookies, their length.
    let fields: Vec<&str> = authentication.trim().split(',').collect();
    let authenticated = matches!(fields.as_slice(),
        [source, "NTS", "1", number, bits, _, "0", "0", "7" | "8", _]
            if *source == address && format!("{number},{bits}") == algorithm);
    if authenticated && sources.starts_with(&format!("^,*,{address},")) { Ok(said) } else { Err(said) }
}

fn serve_ntpsec(site: &Site, _: &Serving) -> Result<Guarded, String> {
    let (chain, key, cookies) = (site.chain.display(), site.key.display(), site.peers()?.join("cookies"));
    // Without a source, an orphan serves its own clock.
    let config = format!(
        "tos orphan 3 orphanwait 1\nnts enable\nnts key {key}\nnts cert {chain}\nnts cookie {}\n",
        cookies.display()
    );
    start_ntpsec(site, &site.server, &config)
}

fn follow_ntpsec(site: &Site, root: &Path) -> Result<Guarded, String> {
    let config = format!("server {NAME} nts ca {} iburst minpoll 0 maxpoll 0\n", root.display());
    start_ntpsec(site, &site.client, &config)
}

fn start_ntpsec(site: &Site, host: &Host, config: &str) -> Result<Guarded, String> {
    let folder = site.peers()?;
    let config = write(&folder, "ntp.conf", &format!("{config}restrict default\nrestrict 127.0.0.1\n"))?;
    let mut command = host.command(fetched().join(NTPSEC.daemon));
    command.args(["-n", "-g", "-c"]).arg(config);
    Guarded::start(command, &folder.join("log"))
}

fn ntpsec_follows(site: &Site, address: &str) -> Result<String, String> {
    let root = fetched().join("ntpsec/usr");
    let mut ntpq = site.client.command("/usr/bin/python3");
    ntpq.env("PYTHONPATH", root.join("lib/python3/dist-packages"));
    ntpq.arg(root.join("bin/ntpq")).args(["-n", "-c", "peers", "-c", "ntsinfo", "-c", "rv &1", "127.0.0.1"]);
    let said = run(&mut ntpq)?;
    let has = |text: &str| said.contains(text);
    let selected = said.lines().any(|line| line.starts_with(&format!("*{address} ")));
    let exchanged = ["probes good:", "probes bad:"].map(|what| {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("NTS KE client {what}")));
        line.map(str::trim)
    });
    let cookies = has("ntscookies=8") || has("ntscookies=7");
    let good = selected && has("authenb, auth,") && cookies && exchanged == [Some("1"), Some("0")];
    if good { Ok(said) } else { Err(said) }
}

/// Where ntpd-rs is: as somebody built it, or as Debian did.
fn ntpd_rs() -> PathBuf {
    std::env::var_os("TRUECHIMER_NTPD_RS").map_or_else(|| fetched().join("trixie/bin"), PathBuf::from)
}

/// Without sources, it calls itself synchronised at stratum 1 only.
fn serve_ntpd_rs(site: &Site, how: &Serving) -> Result<Guarded, String> {
    let (address, chain, key) = (bracketed(site.address), site.chain.display(), site.key.display());
    let (server, port) = how.elsewhere.unwrap_or((site.address, 123));
    let named = how.elsewhere.map(|_| format!("ntp-server = \"{server}\"\nntp-port = {port}\n"));
    let config = format!(
        "[synchronization]\nlocal-stratum = 1\n[[server]]\nlisten = \"{}:{port}\"\n\
         [[nts-ke-server]]\nlisten = \"{address}:4460\"\n{}\
         certificate-chain-path = \"{chain}\"\nprivate-key-path = \"{key}\"\n",
        bracketed(server),
        named.unwrap_or_default(),
    );
    start_ntpd_rs(site, &site.server, &config)
}

fn follow_ntpd_rs(site: &Site, root: &Path) -> Result<Guarded, String> {
    let config = format!(
        "[synchronization]\nminimum-agreeing-sources = 1\n\
         [source-defaults]\npoll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n\
         [[source]]\nmode = \"nts\"\naddress = \"{NAME}\"\ncertificate-authority = \"{}\"\n",
        root.display()
    );
    start_ntpd_rs(site, &site.client, &config)
}

/// It cannot do without a clock that obeys: a preloaded library says that this one does.
fn start_ntpd_rs(site: &Site, host: &Host, config: &str) -> Result<Guarded, String> {
    let folder = site.peers()?;
    let socket = folder.join("observe");
    let config = format!(
        "{config}[observability]\nobservation-path = \"{}\"\nlog-level = \"warn\"\n",
        socket.display()
    );
    let config = write(&folder, "ntp.toml", &config)?;
    let library = compile("adjtime", &folder)?;
    let mut command = host.command("env");
    command.arg(format!("LD_PRELOAD={}", library.display()));
    command.arg(ntpd_rs().join("ntp-daemon")).arg("-c").arg(config);
    Guarded::start(command, &folder.join("log"))
}

fn ntpd_rs_follows(site: &Site, address: &str) -> Result<String, String> {
    let mut control = site.client.command(ntpd_rs().join("ntp-ctl"));
    control.arg("status").arg("-c").arg(site.peers()?.join("ntp.toml"));
    let said = run(&mut control)?;
    // Releases differ in how they set it.
    let words: Vec<&str> = said.split([' ', '\t', '\n', '/']).filter(|word| !word.is_empty()).collect();
    let words = words.join(" ");
    let has = |text: &str| words.contains(text);
    // One more than ours: it would be 16 without a source that it believes.
    let believed = has("Stratum: 4") && has(&format!("{NAME}:4460 {}:", bracketed(address))) && has("[NTS]");
    let cookies = has("NTS cookies: 8 8") || has("NTS cookies: 7 8");
    if believed && cookies { Ok(said) } else { Err(said) }
}
