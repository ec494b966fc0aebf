//! Two hosts on one machine: network namespaces joined by a virtual cable.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::{NO_CLOCK, run};

/// Two namespaces, `left` and `right`, that reach each other over IPv4 and IPv6 and nothing else. Deleted when
/// dropped.
#[derive(Debug)]
pub struct Cable {
    left: Host,
    right: Host,
}

/// One end.
#[derive(Clone, Debug)]
pub struct Host {
    namespace: String,
    /// Its IPv4 address.
    pub v4: &'static str,
    /// Its IPv6 address.
    pub v6: &'static str,
    second: [&'static str; 2],
    /// What stands for `/etc/hosts`, if something does.
    names: Option<PathBuf>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Cable {
    /// Makes both ends. Needs root.
    pub fn new() -> Result<Self, String> {
        let tag = format!("tc{}n{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cable = Self {
            left: Host {
                namespace: format!("{tag}l"),
                v4: "10.77.0.1",
                v6: "fd77::1",
                second: ["10.77.0.3", "fd77::3"],
                names: None,
            },
            right: Host {
                namespace: format!("{tag}r"),
                v4: "10.77.0.2",
                v6: "fd77::2",
                second: ["10.77.0.4", "fd77::4"],
                names: None,
            },
        };
        let (left, right) = (&cable.left.namespace, &cable.right.namespace);
        ip(&["netns", "add", left])?;
        ip(&["netns", "add", right])?;
        ip(&[
            "link", "add", "cable", "netns", left, "type", "veth", "peer", "name", "cable", "netns", right,
        ])?;
        for host in [&cable.left, &cable.right] {
            let namespace = &host.namespace;
            for v4 in [host.v4, host.second[0]] {
                ip(&["-n", namespace, "addr", "add", &format!("{v4}/24"), "dev", "cable"])?;
            }
            // The one added last would be preferred for sending, were it not deprecated.
            for (v6, lifetime) in [(host.v6, "forever"), (host.second[1], "0")] {
                let v6 = format!("{v6}/64");
                ip(&[
                    "-n",
                    namespace,
                    "addr",
                    "add",
                    &v6,
                    "dev",
                    "cable",
                    "nodad",
                    "preferred_lft",
                    lifetime,
                ])?;
            }
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", namespace, "link", "set", "cable", "up"])?;
        }
        Ok(cable)
    }

    /// The end with the addresses ending in 1.
    pub fn left(&self) -> &Host {
        &self.left
    }

    /// The end with the addresses ending in 2.
    pub fn right(&self) -> &Host {
        &self.right
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for host in [&self.left, &self.right] {
            let _ = ip(&["netns", "del", &host.namespace]);
        }
    }
}

impl Host {
    /// A command that runs on this host, without the right to set the clock.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).args(NO_CLOCK);
        if let Some(names) = &self.names {
            let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
            command.args(["unshare", "--mount", "sh", "-c", script]).arg(names);
        }
        command.arg(program);
        command
    }

    /// The same host, on which programs see this file as `/etc/hosts`.
    #[must_use]
    pub fn with_names(&self, hosts: &Path) -> Self {
        Self { names: Some(hosts.to_owned()), ..self.clone() }
    }

    /// A further address, from which nothing is sent by itself.
    pub fn second_address(&self, v6: bool) -> &'static str {
        let [v4, v6_address] = self.second;
        if v6 { v6_address } else { v4 }
    }

    /// The address of the family wanted.
    pub fn address(&self, v6: bool) -> &'static str {
        if v6 { self.v6 } else { self.v4 }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run(Command::new("ip").args(arguments)).map(drop)
}
