//! A server's network namespace and a load generator's, joined by a virtual cable.
//!
//! The server has 192.168.77.1, port 123. The generator has 172.18.0.0/16, so that it can be many clients.
//!
//! What a real network card would cost is modelled as far as a virtual one can: what comes in for the server is taken in
//! by a kernel thread of its own on the server's cores, as by an interrupt, and counts as the server's work. It has the
//! server's priority, so it goes on while there is something to take in, as a card does that gathers interrupts. What
//! comes in for the generator can be refused as a frame for another station: the sender's core has to do that work,
//! and this is the shortest.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use truechimer_tests::process::run;

/// Where a server must answer.
pub(crate) const SERVER: &str = "192.168.77.1";
/// Its hardware address.
pub(crate) const SERVER_MAC: &str = "02:00:00:00:00:01";
const CLIENT: &str = "192.168.77.2";
const CLIENT_MAC: &str = "02:00:00:00:00:02";
/// No station of this cable.
const NOBODY_MAC: &str = "02:00:00:00:00:03";
/// The generator's end.
pub(crate) const CLIENT_END: &str = "client";
/// The server's end; the name of the kernel thread that takes in for it begins with it.
const SERVER_END: &str = "tcsrv";
/// Real-time priority of the server and of what takes in for it.
pub(crate) const PRIORITY: &str = "10";

/// Both namespaces. Deleted when dropped.
pub(crate) struct Cable {
    pub(crate) server: String,
    pub(crate) client: String,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Cable {
    /// Makes both; the work of the server's end is done on `server_cpus`.
    pub(crate) fn new(server_cpus: &str) -> Result<Self, String> {
        let tag = format!("tcb{}n{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cable = Self { server: format!("{tag}s"), client: format!("{tag}c") };
        let (server, client) = (cable.server.as_str(), cable.client.as_str());
        let before = receivers();
        for namespace in [server, client] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let queues = ["numrxqueues", "1", "numtxqueues", "1"];
        let ours = ["link", "add", CLIENT_END, "netns", client, "address", CLIENT_MAC];
        let theirs = ["type", "veth", "peer", "name", SERVER_END, "netns", server, "address", SERVER_MAC];
        ip(&[&ours[..], &queues, &theirs, &queues].concat())?;
        for (namespace, end, address) in [(server, SERVER_END, SERVER), (client, CLIENT_END, CLIENT)] {
            ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", end])?;
            ip(&["-n", namespace, "link", "set", end, "up"])?;
        }
        ip(&["-n", server, "route", "add", "172.18.0.0/16", "via", CLIENT])?;
        ip(&["-n", client, "route", "add", "local", "172.18.0.0/16", "dev", "lo"])?;
        neighbour(client, CLIENT_END, SERVER, SERVER_MAC)?;
        cable.deliver(true)?;
        // With receive offload at its end and without segmentation offload at the other, what comes in is queued for a
        // thread instead of being taken in by the sender.
        exec(server, &["ethtool", "-K", SERVER_END, "gro", "on", "tx", "off"])?;
        exec(client, &["ethtool", "-K", CLIENT_END, "tx", "off"])?;
        exec(server, &["sh", "-c", &format!("echo 1 > /sys/class/net/{SERVER_END}/threaded")])?;
        for thread in receivers().iter().filter(|thread| !before.contains(thread)) {
            let id = thread.to_string();
            run(Command::new("taskset").args(["-pc", server_cpus, &id]))?;
            run(Command::new("chrt").args(["-f", "-p", PRIORITY, &id]))?;
        }
        Ok(cable)
    }

    /// Whether replies are taken in by the generator's end, or refused there at once.
    pub(crate) fn deliver(&self, taken: bool) -> Result<(), String> {
        neighbour(&self.server, SERVER_END, CLIENT, if taken { CLIENT_MAC } else { NOBODY_MAC })
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

/// The threads of the kernel that take in for servers.
pub(crate) fn receivers() -> Vec<u32> {
    let prefix = format!("napi/{SERVER_END}");
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_one = |id: &u32| {
        std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.starts_with(&prefix))
    };
    numbers.filter(is_one).collect()
}

fn neighbour(namespace: &str, end: &str, address: &str, mac: &str) -> Result<(), String> {
    ip(&["-n", namespace, "neigh", "replace", address, "lladdr", mac, "dev", end, "nud", "permanent"])
}

fn exec(namespace: &str, command: &[&str]) -> Result<(), String> {
    ip(&[&["netns", "exec", namespace], command].concat())
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run(Command::new("ip").args(arguments)).map(drop)
}
