//! Certificates and key exchanges for the tests.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime};

use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::Authority;
use truechimer_nts_ke::{ClientSession, DatePolicy, KeError, KeyExchanged, NetworkFault, Validity};

pub(crate) const DAY_S: i64 = 86_400;

/// Seconds since 1970, by the machine's clock.
pub(crate) fn unix_s() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// From yesterday on, for so many days.
pub(crate) fn days(days: i64) -> Validity {
    Validity { not_before_s: unix_s() - DAY_S, not_after_s: unix_s() + days * DAY_S }
}

/// An authority whose own certificate lasts.
pub(crate) fn authority() -> Authority {
    Authority::new("test root", days(3650)).unwrap()
}

/// Writes `chain.pem` and `key.pem` for a server of this name.
pub(crate) fn write_certificate(dir: &Path, authority: &Authority, name: &str, validity: Validity) {
    let files = authority.certify(&[name], validity).unwrap();
    fs::write(dir.join("chain.pem"), files.chain).unwrap();
    fs::write(dir.join("key.pem"), files.key).unwrap();
}

/// Ports that were free a moment ago, for UDP and TCP.
pub(crate) fn free_ports() -> (u16, u16) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    (udp, tcp)
}

/// One exchange, with a few seconds' patience.
pub(crate) fn exchange(
    address: SocketAddr,
    authority: &Authority,
    name: &str,
) -> Result<KeyExchanged, KeError> {
    let tls = authority.clients().unwrap();
    let mut session = ClientSession::new(&tls, name, DatePolicy::At(unix_s()), ClientOffer::default())?;
    let failed = |_| KeError::Network(NetworkFault::Reset);
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, patience)
        .map_err(|_| KeError::Network(NetworkFault::Refused))?;
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut buffer = [0; 4096];
    loop {
        let output = session.poll_output().to_vec();
        session.handle_written(output.len());
        stream.write_all(&output).map_err(failed)?;
        if session.outcome().is_some() {
            return session.into_outcome();
        }
        match stream.read(&mut buffer).map_err(failed)? {
            0 => session.handle_eof(),
            len => session.handle_bytes(&buffer[..len]),
        }
    }
}
