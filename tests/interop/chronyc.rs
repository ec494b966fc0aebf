//! Debian's own `chronyc` asks `chimerd` and a `chronyd` that is in the same situation: every command ends with the same
//! status, and what it prints has the same form, as text and as CSV. Values differ, and so do commands for what only one
//! of them has.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use truechimer_tests::layer::{Need, fetched};
use truechimer_tests::netns::{Cable, Host};
use truechimer_tests::process::{Guarded, eventually};

use crate::ours::Ours;
use crate::peers::{CHRONY, subfolder, write};

/// A release of chrony: who is asked, and who asks.
#[derive(Clone, Copy)]
pub(crate) struct Release {
    chronyd: &'static str,
    chronyc: &'static str,
    /// Commands that it has beside those of all.
    more: &'static [&'static str],
}

/// Of Debian 12.
pub(crate) const CHRONY_4_3: Release =
    Release { chronyd: CHRONY.daemon, chronyc: "chrony/usr/bin/chronyc", more: &[] };
/// Of Debian 13: it asks for more with some commands, and has some that the older one has not.
pub(crate) const CHRONY_4_6: Release = Release {
    chronyd: "trixie/bin/chronyd",
    chronyc: "trixie/bin/chronyc",
    more: &[
        "selectopts 10.77.0.1 +prefer",
        "selectopts 10.99.0.1 +prefer",
        "selectdata",
        "selectopts 10.77.0.1 -prefer",
        "offset 10.77.0.1 0.000001",
        "offset 10.99.0.1 0.5",
        "ntpdata 10.77.0.1",
        "serverstats",
        "local stratum 9 distance 0.5 activate 0.1",
    ],
};

impl Release {
    /// What must be there.
    pub(crate) fn needs(self) -> [Need; 2] {
        [Need::fetched(self.chronyd), Need::fetched(self.chronyc)]
    }
}

/// Commands after which both must say the same, in this order: the later ones change something.
const ALIKE: &[&str] = &[
    "tracking",
    "sources",
    "sources -v",
    "sources -a",
    "sourcestats",
    "sourcestats -v",
    "selectdata",
    "selectdata -v",
    "ntpdata",
    "ntpdata 10.77.0.1",
    "ntpdata 10.99.0.1",
    "authdata",
    "activity",
    "serverstats",
    "sourcename 10.77.0.1",
    "sourcename 10.99.0.1",
    "rtcdata",
    "smoothing",
    "waitsync 1 0.5 0 0.1",
    "manual list",
    "settime 12:00",
    "manual delete 0",
    "manual on",
    "settime 12:00",
    "manual list",
    "manual delete 0",
    "manual delete 0",
    "manual reset",
    "manual off",
    "settime 12:00",
    "online",
    "online 10.77.0.0/24",
    "online 10.99.0.1",
    "burst 1/1",
    "burst 1/1 10.77.0.1",
    "minpoll 10.77.0.1 1",
    "maxpoll 10.77.0.1 3",
    "maxpoll 10.99.0.1 3",
    "maxdelay 10.77.0.1 0.5",
    "maxdelayratio 10.77.0.1 100",
    "minstratum 10.77.0.1 3",
    "minstratum 10.99.0.1 3",
    "add server 10.77.0.3 minpoll 2 maxpoll 4 iburst",
    "add server 10.77.0.3",
    "sources",
    "sourcestats",
    "offline 10.77.0.3",
    "activity",
    "delete 10.77.0.3",
    "delete 10.77.0.3",
    "local stratum 9",
    "local off",
    "makestep 0.5 3",
    "refresh",
    "rekey",
    "reload sources",
    "dump",
    "cyclelogs",
    "onoffline",
    "trimrtc",
    "writertc",
    "smoothtime reset",
    "manual delete 0",
    "reset sources",
    "authdata",
    "shutdown",
];

/// Commands for what `chimerd` does not have, and what is said then.
const NOT_HERE: &[(&str, &str)] = &[
    ("dfreq 0.1", "505 Facility not enabled in daemon"),
    ("doffset 0.1", "505 Facility not enabled in daemon"),
    ("polltarget 10.77.0.1 10", "505 Facility not enabled in daemon"),
    ("maxdelaydevratio 10.77.0.1 10", "505 Facility not enabled in daemon"),
    ("maxupdateskew 100", "505 Facility not enabled in daemon"),
    ("reselect", "505 Facility not enabled in daemon"),
    ("reselectdist 0.1", "505 Facility not enabled in daemon"),
    ("add peer 10.77.0.9", "505 Facility not enabled in daemon"),
    ("cmdallow 10.0.0.0/8", "505 Facility not enabled in daemon"),
    ("allow 10.0.0.0/8", "505 Facility not enabled in daemon"),
];

struct Both {
    release: Release,
    cable: Cable,
    host: Host,
    _server: Guarded,
    _chronyd: Guarded,
    _ours: Ours,
    _folder: tempfile::TempDir,
    theirs: PathBuf,
    here: PathBuf,
}

impl Both {
    /// A server, and one client of each kind that follows it and serves nobody.
    fn start(release: Release) -> Result<Self, String> {
        Self::start_with(release, "port 0\n", "")
    }

    /// The same with more lines for either.
    fn start_with(release: Release, for_theirs: &str, for_ours: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let cable = Cable::new()?;
        let (server, host) = (cable.left().clone(), cable.right().clone());
        let upstream = (CHRONY.start)(&server, &subfolder(folder.path(), "server")?, None, None)?;
        let there = subfolder(folder.path(), "theirs")?;
        let dir = there.display();
        let config = format!(
            "server {} iburst minpoll 0 maxpoll 2\n{for_theirs}cmdport 1323\nbindcmdaddress {dir}/chronyd.sock\n\
             bindcmdaddress 127.0.0.1\npidfile {dir}/chronyd.pid\n",
            server.v4
        );
        let config = write(&there, "chrony.conf", &config)?;
        let mut command = host.command(fetched().join(release.chronyd));
        command.args(["-d", "-x", "-u", "root", "-f"]).arg(config);
        let chronyd = Guarded::start(command, &there.join("log"))?;
        let doors = folder.path().join("doors");
        let control = format!(
            "{for_ours}[control]\nchronyc_socket = \"{}/chronyd.sock\"\nchronyc_port = 323\n",
            doors.display()
        );
        let ours = Ours::start_client(&host, folder.path(), server.v4, &control)?;
        let both = Self {
            release,
            theirs: there.join("chronyd.sock"),
            here: doors.join("chronyd.sock"),
            cable,
            host,
            _server: upstream,
            _chronyd: chronyd,
            _ours: ours,
            _folder: folder,
        };
        for socket in [&both.theirs, &both.here] {
            eventually(Duration::from_secs(60), "four samples of the selected source", || {
                let stats = both.ask(socket, "-c sourcestats").unwrap_or_default().1;
                let samples = stats.split(',').nth(1).and_then(|samples| samples.parse::<u32>().ok());
                both.ask(socket, "-c sources").is_ok_and(|(_, text)| text.starts_with("^,*,"))
                    && samples.is_some_and(|samples| samples >= 4)
            })
            .map_err(|e| format!("{}: {e}", socket.display()))?;
        }
        Ok(both)
    }

    /// The exit status of a command, and what it printed.
    fn ask(&self, socket: &Path, command: &str) -> Result<(i32, String), String> {
        let mut chronyc = self.host.command(fetched().join(self.release.chronyc));
        chronyc.arg("-n").arg("-h").arg(socket).args(command.split(' '));
        let output = chronyc.output().map_err(|e| e.to_string())?;
        let text = [output.stdout, output.stderr].concat();
        let status = output.status.code().ok_or("chronyc was killed")?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}

/// Every command of both kinds, as text and as CSV.
pub(crate) fn all_commands(release: Release) -> Result<(), String> {
    let both = Both::start(release)?;
    let mut faults = Vec::new();
    // Before anything is typed in, added, reloaded or reset.
    let place = ALIKE.iter().position(|command| *command == "waitsync 1 0.5 0 0.1").unwrap_or(0);
    let (before, end) = ALIKE.split_at(place);
    for command in before.iter().chain(release.more).chain(end) {
        let forms: &[&str] = if changes(command) { &[""] } else { &["", "-c "] };
        for format in forms {
            let command = format!("{format}{command}");
            let (theirs, ours) = (both.ask(&both.theirs, &command)?, both.ask(&both.here, &command)?);
            if (theirs.0, form(&theirs.1)) != (ours.0, form(&ours.1)) {
                faults.push(format!("{command}\nchronyd: {theirs:?}\nchimerd: {ours:?}\n"));
            }
        }
        if *command == "smoothing" {
            for (command, wanted) in NOT_HERE {
                let (status, text) = both.ask(&both.here, command)?;
                if status != 1 || text.lines().last() != Some(wanted) {
                    faults.push(format!("{command}\nchimerd: {status} {text}"));
                }
            }
        }
    }
    eventually(Duration::from_secs(10), "chimerd to end", || !both.here.exists())?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// Sends so many requests for time from a host, one every tenth of a second.
pub(crate) fn ask_for_time(host: &Host, server: &str, port: u16, requests: u32) -> Result<(), String> {
    let script = format!(
        "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         for _ in range({requests}):\n s.sendto(b'\\x23' + bytes(47), ('{server}', {port})); time.sleep(0.1)\n"
    );
    let output =
        host.command("/usr/bin/python3").args(["-c", &script]).output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// H6: who asked, as chronyd shows it; with the fewest requests, with the columns for key exchange, and with counters that are
/// set back.
pub(crate) fn clients() -> Result<(), String> {
    let serve = "[serve]\nlisten = [\"0.0.0.0:2123\"]\nallow = [\"10.77.0.0/24\"]\n";
    let both = Both::start_with(CHRONY_4_3, "port 1123\nallow 10.77.0.0/24\n", serve)?;
    for port in [1123, 2123] {
        ask_for_time(both.cable.left(), both.host.v4, port, 5)?;
    }
    for command in [
        "clients",
        "-c clients",
        "clients -k",
        "clients -p 5",
        "clients -p 6",
        "-c clients -r",
        "clients",
        "clients -p 1",
    ] {
        let (theirs, ours) = (both.ask(&both.theirs, command)?, both.ask(&both.here, command)?);
        if (theirs.0, form(&theirs.1)) != (ours.0, form(&ours.1)) {
            return Err(format!("{command}\nchronyd: {theirs:?}\nchimerd: {ours:?}\n"));
        }
        if command == "-c clients -r" && !ours.1.starts_with("10.77.0.1,5,0,") {
            return Err(format!("{command}: {}", ours.1));
        }
    }
    Ok(())
}

/// Over UDP, anybody on the machine may look, and nobody may do anything.
pub(crate) fn over_udp() -> Result<(), String> {
    let both = Both::start(CHRONY_4_3)?;
    let ask = |port: &str, command: &str| -> Result<String, String> {
        let mut chronyc = both.host.command(fetched().join(both.release.chronyc));
        chronyc.args(["-n", "-h", "127.0.0.1", "-p", port]).args(command.split(' '));
        let output = chronyc.output().map_err(|e| e.to_string())?;
        Ok(form(&String::from_utf8_lossy(&output.stdout)))
    };
    for command in ALIKE.iter().filter(|command| !command.starts_with("waitsync")) {
        let (theirs, ours) = (ask("1323", command)?, ask("323", command)?);
        if theirs != ours {
            return Err(format!("{command}\nchronyd: {theirs}\nchimerd: {ours}"));
        }
    }
    Ok(())
}

fn changes(command: &str) -> bool {
    let first = [
        "online",
        "settime",
        "manual delete",
        "burst",
        "add",
        "delete",
        "refresh",
        "rekey",
        "shutdown",
        "reset",
        "local",
        "selectopts",
        "offset",
    ];
    first.iter().any(|word| command.starts_with(word))
}

/// What stays the same when the values change: words, and how numbers are written.
fn form(text: &str) -> String {
    let mut form = String::new();
    for line in text.lines() {
        let csv = line.contains(',') && !line.contains(", ");
        let mut last = String::new();
        for word in line.split(if csv { ',' } else { ' ' }).filter(|word| csv || !word.is_empty()) {
            let kind = kind(word.trim_matches(['[', ']', '(', ')', ',']));
            // Columns of numbers may grow together: `+12ns[` and `+12ns [`.
            if csv || kind != "#" || last != "#" {
                form.push_str(&kind);
                form.push(' ');
            }
            last = kind;
        }
        form.push('\n');
    }
    form
}

/// A number with or without a unit is `#`, whatever it is; everything else is itself.
fn kind(word: &str) -> String {
    let units = ["ns", "us", "ms", "s", "ppm", "m", "h", "d", "y"];
    let number = |text: &str| text.trim_start_matches(['+', '-']).parse::<f64>().is_ok();
    let bare = units.iter().find_map(|unit| word.strip_suffix(unit).filter(|bare| number(bare)));
    let hexadecimal = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let joined = word.split(['[', ':']).count() > 1
        && word.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
    if word == "-" || number(word) || bare.is_some() || hexadecimal || joined {
        return "#".into();
    }
    match word {
        "*" | "+" | "?" | "x" | "~" => "#".into(),
        "^*" | "^+" | "^-" | "^?" | "^x" | "^~" => "a server in some state".into(),
        "slow" | "fast" => "slow or fast".into(),
        "Daemon" | "Kernel" | "Hardware" => "who stamped".into(),
        "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun" => "day".into(),
        other => other.into(),
    }
}

/// A client that knows no more than the layout of the protocol, as exporters do: offsets into datagrams.
pub(crate) fn a_reader_of_the_layout() -> Result<(), String> {
    let both = Both::start(CHRONY_4_3)?;
    let own = both.here.with_file_name("reader.sock");
    let socket = UnixDatagram::bind(&own).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).map_err(|e| e.to_string())?;
    let mut sequence = 0_u32;
    let mut ask = |command: u16, index: u32, reply: u16| -> Result<Vec<u8>, String> {
        sequence += 1;
        // Exporters send as much padding as any reply can need.
        let mut request = vec![6, 1, 0, 0];
        request.extend(command.to_be_bytes());
        request.extend([0; 2]);
        request.extend(sequence.to_be_bytes());
        request.extend([0; 8]);
        request.extend(index.to_be_bytes());
        request.resize(20 + 396, 0);
        socket.send_to(&request, &both.here).map_err(|e| e.to_string())?;
        let mut answer = vec![0; 1024];
        let len = socket.recv(&mut answer).map_err(|e| e.to_string())?;
        answer.truncate(len);
        let expected = [&[6, 2, 0, 0][..], &command.to_be_bytes(), &reply.to_be_bytes(), &[0; 2]].concat();
        let same = answer.get(..10) == Some(&expected) && answer.get(16..20) == Some(&sequence.to_be_bytes());
        if same && len <= request.len() { Ok(answer) } else { Err(format!("{command}: {answer:?}")) }
    };
    let word = |answer: &[u8], at: usize| -> Result<u32, String> {
        let bytes = answer.get(28 + at..32 + at).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or_else(|| format!("{} bytes", answer.len()))
    };
    let real = |answer: &[u8], at: usize| -> Result<f64, String> {
        let bits = word(answer, at)?;
        let exponent = bits as i32 >> 25;
        let coefficient = ((bits << 7) as i32) >> 7;
        Ok(f64::from(coefficient) * f64::from(exponent - 25).exp2())
    };
    let tracking = ask(33, 0, 5)?;
    let peer = u32::from_be_bytes([10, 77, 0, 1]);
    let stratum = word(&tracking, 24)? >> 16;
    if (word(&tracking, 0)?, word(&tracking, 4)?, stratum, tracking.len()) != (peer, peer, 4, 104) {
        return Err(format!("tracking: {tracking:?}"));
    }
    let seconds = (u64::from(word(&tracking, 28)?) << 32) + u64::from(word(&tracking, 32)?);
    let delay_s = real(&tracking, 64)?;
    if seconds < 1_700_000_000 || real(&tracking, 40)?.abs() > 0.01 || !(0.0..0.1).contains(&delay_s) {
        return Err(format!("tracking: {seconds} s, {delay_s} s"));
    }
    let sources = word(&ask(14, 0, 2)?, 0)?;
    let data = ask(15, 0, 3)?;
    let stats = ask(34, 0, 6)?;
    let activity = ask(44, 0, 12)?;
    let server = ask(54, 0, 24)?;
    // State and mode are both zero: the selected source, a server.
    let found = [sources, word(&data, 0)?, word(&data, 24)?, word(&stats, 0)?, word(&activity, 0)?];
    if found != [1, peer, 0, peer, 1] || word(&stats, 24)? < 4 || real(&stats, 36)? > 0.01 {
        return Err(format!("{found:?}\nsource: {data:?}\nstatistics: {stats:?}"));
    }
    match word(&server, 8)? {
        0 => Err(format!("no command was counted: {server:?}")),
        _ => Ok(()),
    }
}
