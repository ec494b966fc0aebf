//! Key exchange over TLS: garbage before, in and after the handshake, on both sides, and the messages between our processes.

use std::sync::OnceLock;

use truechimer_nts::KeyRing;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::{Authority, Certified};
use truechimer_nts_ke::testing::{Counter, Manners, Peer, RAW_CLIENT_NOW_S, Raw, Server};
use truechimer_nts_ke::{
    ClientSession, ClientTls, DatePolicy, ExchangeAnswer, ExchangeRequest, ServerTls, Validity,
};

use super::input::Input;

/// More than a session ever says: a flight of the handshake, an answer, an alert.
const OUTPUT_MAX: usize = 64 * 1024;

const NAME: &str = "ntp.example";

/// Made once: a certificate takes longer than an input.
struct World {
    root: String,
    files: Certified,
    identity: ServerTls,
    clients: ClientTls,
    ring: KeyRing,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let span = Validity { not_before_s: RAW_CLIENT_NOW_S - 1, not_after_s: RAW_CLIENT_NOW_S + 1 };
        let authority = Authority::new("root", span).expect("an authority");
        let files = authority.certify(&[NAME], span).expect("a certificate");
        World {
            root: authority.root().to_owned(),
            identity: ServerTls::from_pem(files.chain.as_bytes(), files.key.as_bytes()).expect("an identity"),
            clients: authority.clients().expect("clients"),
            ring: KeyRing::generate(0, 2, &mut Counter::default()),
            files,
        }
    })
}

fn manners(says: &[u8]) -> Manners {
    Manners { protocols: vec![b"ntske/1".to_vec()], says: says.to_vec(), ..Manners::default() }
}

/// A server's connection: how the client goes wrong (1 byte), how many bytes come at once (1 byte), and what it says then:
/// `r`, instead of TLS; `h`, after a hello; `c`, in place of a record after the handshake; anything else, as plaintext.
pub fn key_exchange_server(data: &[u8]) {
    let world = world();
    let mut input = Input::new(data);
    let (kind, piece) = (input.u8(), usize::from(input.u8()).max(1));
    let rest = data.get(2..).unwrap_or_default();
    let mut server = Server::new(&world.identity, &world.ring, Counter::default()).expect("a session");
    let mut said = 0;
    let mut client = match kind {
        b'r' => None,
        b'h' | b'c' => Some(Raw::client(&world.root, NAME, manners(&[])).expect("a client")),
        _ => Some(Raw::client(&world.root, NAME, manners(rest)).expect("a client")),
    };
    let turns = match kind {
        b'r' => 0,
        b'h' => 1,
        _ => 3,
    };
    for _ in 0..turns {
        if let Some(client) = &mut client {
            feed(&mut server, &client.pull(), piece);
            let bytes = server.pull();
            said += bytes.len();
            client.push(&bytes);
        }
    }
    if matches!(kind, b'r' | b'h' | b'c') {
        feed(&mut server, rest, piece);
    }
    server.push_eof();
    let bytes = server.pull();
    said += bytes.len();
    assert!(said <= OUTPUT_MAX, "{said} bytes said");
    assert!(server.session.is_finished(), "nothing more can come, and the session is not over");
    if let Some(Ok(_)) = server.session.outcome() {
        assert!(!matches!(kind, b'r' | b'h' | b'c'), "keys for somebody who said nothing that could be read");
    }
    if let (Some(client), Some(Ok(_))) = (&mut client, server.session.outcome()) {
        client.push(&bytes);
        let cookies = cookies_of(&client.heard);
        assert_eq!(cookies.len(), 8);
        assert!(cookies.iter().all(|cookie| world.ring.open_cookie(cookie).is_ok()));
    }
}

/// The bodies of the cookie records of an answer.
fn cookies_of(mut answer: &[u8]) -> Vec<&[u8]> {
    let mut cookies = Vec::new();
    while let Some((&[high, low, len_high, len_low], rest)) = answer.split_first_chunk() {
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes([len_high, len_low])));
        if [high, low] == [0, 5] {
            cookies.push(body);
        }
        answer = rest;
    }
    cookies
}

/// A client's connection: how the server goes wrong, how many bytes come at once, and what it says, as for the server; and
/// `d`: what it shows as its certificate.
pub fn key_exchange_client(data: &[u8]) {
    let world = world();
    let mut input = Input::new(data);
    let (kind, piece) = (input.u8(), usize::from(input.u8()).max(1));
    let rest = data.get(2..).unwrap_or_default();
    let date = DatePolicy::Defer { floor_unix_s: 0 };
    let offer = ClientOffer { algorithms: Algorithm::ALL.to_vec(), ..ClientOffer::default() };
    let mut client = ClientSession::new(&world.clients, NAME, date, offer).expect("a session");
    let says = if matches!(kind, b'r' | b'h' | b'c' | b'd') { &[][..] } else { rest };
    let mut server = match kind {
        b'd' => Raw::server_with_chain(vec![rest.to_vec(); 2], &world.files.key, manners(says)),
        _ => Raw::server(&world.files, manners(says)),
    }
    .expect("a server");
    let turns = match kind {
        b'r' => 0,
        b'h' => 1,
        _ => 3,
    };
    for turn in 0..turns {
        server.push(&client.pull());
        let mut bytes = server.pull();
        if kind == b'h' && turn == 0 {
            // The rest of its flight is replaced.
            bytes.truncate(bytes.len() / 2);
        }
        feed(&mut client, &bytes, piece);
    }
    if matches!(kind, b'r' | b'h' | b'c') {
        feed(&mut client, rest, piece);
    }
    client.handle_eof();
    assert!(client.pull().len() <= OUTPUT_MAX);
    match client.into_outcome() {
        Ok(exchanged) => {
            assert!(!matches!(kind, b'r' | b'h' | b'c' | b'd'), "keys from somebody who is not the server");
            assert!((1..=8).contains(&exchanged.cookies.len()));
            let answer = ExchangeAnswer { query: 1, peer: None, result: Ok(exchanged) };
            assert_eq!(ExchangeAnswer::parse(&answer.write()).as_ref(), Some(&answer));
        }
        Err(error) => {
            let answer = ExchangeAnswer { query: 1, peer: None, result: Err(error) };
            assert_eq!(ExchangeAnswer::parse(&answer.write()).as_ref(), Some(&answer));
        }
    }
}

fn feed(peer: &mut impl Peer, bytes: &[u8], piece: usize) {
    // One piece is a byte at least; the first thousand are enough to show what splitting does.
    let (split, whole) = bytes.split_at(bytes.len().min(1000));
    split.chunks(piece).for_each(|piece| peer.push(piece));
    peer.push(whole);
}

/// A message between the daemon and the process that does key exchange: what is read is written again the same.
pub fn exchange_message(data: &[u8]) {
    if let Some(request) = ExchangeRequest::parse(data) {
        assert_eq!(request.write(), data);
    }
    if let Some(answer) = ExchangeAnswer::parse(data) {
        assert_eq!(answer.write(), data);
    }
}
