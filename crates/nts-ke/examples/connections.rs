//! How much memory a server's connection takes: `cargo run --release -p truechimer-nts-ke --example connections`.
//!
//! It holds many sessions at once in each of the states in which a slow or hostile client can leave them, and divides what
//! the process grew by. Everything counts, the C library's memory below the cryptography too.
#![allow(clippy::expect_used, clippy::print_stdout)]

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use truechimer_nts::KeyRing;
use truechimer_nts_ke::authority::Authority;
use truechimer_nts_ke::testing::{Manners, Peer, RAW_CLIENT_NOW_S, Raw, Server};
use truechimer_nts_ke::{SERVER_RECEIVE_MAX, ServerTls, Validity};

const SPAN: Validity =
    Validity { not_before_s: RAW_CLIENT_NOW_S - 86_400, not_after_s: RAW_CLIENT_NOW_S + 86_400 };
const COUNT: usize = 500;

type Session<'a> = Server<'a, ChaCha20Rng>;
/// Brings a fresh session into a state.
type Bring<'a> = &'a dyn Fn(&mut Session<'_>);

/// What the process has in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

fn main() {
    let root = Authority::new("root", SPAN).expect("a root");
    let middle = root.intermediate("middle", SPAN).expect("an authority");
    let files = middle.certify(&["ntp.example"], SPAN).expect("a certificate");
    let tls = ServerTls::from_pem(files.chain.as_bytes(), files.key.as_bytes()).expect("an identity");
    let ring = KeyRing::generate(0, 2, &mut ChaCha20Rng::from_seed([1; 32]));
    let client = || {
        let manners = Manners { protocols: vec![b"ntske/1".to_vec()], ..Manners::default() };
        Raw::client(root.root(), "ntp.example", manners).expect("a client")
    };
    let connected = |server: &mut Session<'_>| {
        let mut client = client();
        server.push(&client.pull());
        client.push(&server.pull());
        server.push(&client.pull());
        assert!(client.is_connected(), "no connection");
        client
    };
    let states: [(&str, Bring<'_>); 6] = [
        ("accepted, nothing received", &|_| {}),
        ("half a hello received", &|server| server.push(client().pull().get(..100).expect("a hello"))),
        ("hello received, flight not sent", &|server| server.push(&client().pull())),
        ("flight sent, client silent", &|server| {
            server.push(&client().pull());
            server.pull();
        }),
        ("connected, client silent", &|server| _ = connected(server)),
        ("connected, a long record begun", &|server| {
            connected(server);
            server.push(&[&[0x17, 3, 3, 0x40, 0][..], &[0; 16 * 1024 - 64]].concat());
        }),
    ];
    println!("a client can make a session take at most {SERVER_RECEIVE_MAX} bytes; {COUNT} sessions each:");
    // All are kept: memory that was given back would be counted as nobody's when the next take it.
    let mut kept = Vec::with_capacity(states.len() * (COUNT + 10));
    for (name, bring) in states {
        let make = || {
            let mut server = Server::new(&tls, &ring, ChaCha20Rng::from_seed([2; 32])).expect("a session");
            bring(&mut server);
            server
        };
        // What comes of the first is not a session's: tables, and memory that the allocator has in hand.
        kept.extend((0..10).map(|_| make()));
        let before = resident();
        kept.extend((0..COUNT).map(|_| make()));
        let bytes = resident().saturating_sub(before) / COUNT;
        println!("{:>7.1} KiB  {name}", bytes as f64 / 1024.0);
    }
}
