//! NTPsec's own `ntpq` looks at a `chimerd` that follows a `chronyd`.

use truechimer_tests::layer::{Need, fetched};
use truechimer_tests::netns::{Cable, Host};

use crate::chronyc::ask_for_time;
use crate::ours::Ours;
use crate::peers::{CHRONY, subfolder};

const NTPQ: &str = "ntpsec/usr/bin/ntpq";

pub(crate) fn need() -> Need {
    Need::fetched(NTPQ)
}

fn ask(host: &Host, arguments: &[&str]) -> Result<String, String> {
    let root = fetched().join("ntpsec/usr");
    let mut ntpq = host.command("/usr/bin/python3");
    ntpq.env("PYTHONPATH", root.join("lib/python3/dist-packages"));
    ntpq.arg(fetched().join(NTPQ)).arg("-n").args(arguments);
    let output = ntpq.output().map_err(|e| e.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// On the loopback addresses, whether the server's port is there or one of its own; and nowhere else.
pub(crate) fn looks_at_ours() -> Result<(), String> {
    for serve in ["", "[serve]\nlisten = [\"0.0.0.0:123\", \"[::]:123\"]\nallow = [\"10.77.0.0/24\"]\n"] {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let cable = Cable::new()?;
        let (server, client) = (cable.left(), cable.right());
        let _upstream = (CHRONY.start)(server, &subfolder(folder.path(), "server")?, None, None)?;
        let more = format!("[control]\nntpq = true\n{serve}");
        let ours = Ours::start_client(client, folder.path(), server.v4, &more)?;
        ours.wait_until_selected()?;
        let expected: &[(&[&str], &[&str])] = &[
            (&["-p", "127.0.0.1"], &["\n*10.77.0.1 ", "127.127.1.1", " 3 u "]),
            (&["-p", "::1"], &["\n*10.77.0.1 "]),
            (&["-c", "rv", "127.0.0.1"], &["leap_none, sync_ntp", "stratum=4", "refid=10.77.0.1", "peer=1"]),
            (&["-c", "as", "127.0.0.1"], &["  1     1  9600   yes   yes  none  sys.peer"]),
            (&["-c", "as", "-c", "rv &1", "127.0.0.1"], &["srcadr=10.77.0.1", "stratum=3", "flash=00 ok"]),
            (&["-c", "sysinfo", "127.0.0.1"], &["system peer:", "10.77.0.1", "root distance"]),
            (&["-c", "kerninfo", "127.0.0.1"], &["pll frequency:", "maximum error:"]),
            (&["-c", "sysstats", "127.0.0.1"], &["uptime:", "packets received:", "processed for time:"]),
            (&["-c", "iostats", "127.0.0.1"], &["received packets:", "packets sent:"]),
            (&["-c", "mrulist", "127.0.0.1"], &["RESTRICT"]),
        ];
        for (question, wanted) in expected {
            let answer = ask(client, question)?;
            if let Some(missing) = wanted.iter().find(|part| !answer.contains(**part)) {
                return Err(format!("{question:?} with {serve:?}: no {missing:?} in\n{answer}"));
            }
        }
        let elsewhere = ask(server, &["-c", "rv", client.v4])?;
        if elsewhere.contains("stratum=") {
            return Err(format!("another machine is answered: {elsewhere}"));
        }
    }
    Ok(())
}

/// P11: who asked, with `ntpq`'s nonce.
pub(crate) fn lists_clients() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let _upstream = (CHRONY.start)(server, &subfolder(folder.path(), "server")?, None, None)?;
    let more = "[control]\nntpq = true\nmrulist = true\n\
                [serve]\nlisten = [\"0.0.0.0:123\", \"[::]:123\"]\nallow = [\"10.77.0.0/24\", \"127.0.0.0/8\"]\n";
    let ours = Ours::start_client(client, folder.path(), server.v4, more)?;
    ours.wait_until_selected()?;
    ask_for_time(server, client.v4, 123, 3)?;
    ask_for_time(client, "127.0.0.1", 123, 1)?;
    let list = ask(client, &["-c", "mrulist", "127.0.0.1"])?;
    let line = list.lines().find(|line| line.ends_with(" 10.77.0.1"));
    if line.is_none_or(|line| line.split_whitespace().nth(6) != Some("3")) {
        return Err(format!("the client is not there:\n{list}"));
    }
    for question in ["mrulist frags=1", "mrulist mincount=2", "mrulist sort=count"] {
        let narrow = ask(client, &["-c", question, "127.0.0.1"])?;
        if !narrow.contains(" 10.77.0.1") || narrow.contains("***") {
            return Err(format!("{question}:\n{narrow}"));
        }
    }
    let elsewhere = ask(server, &["-c", "mrulist", client.v4])?;
    if elsewhere.contains("10.77.0.1 ") {
        return Err(format!("another machine is answered: {elsewhere}"));
    }
    Ok(())
}
