use super::*;

fn serve(addresses: &[SocketAddr]) -> ServeConfig {
    let listen = addresses.iter().map(|address| Listener { address: *address, interface: None }).collect();
    ServeConfig { listen, ..ServeConfig::default() }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::UdpSocket::bind(loopback(0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn at_37_a_socket_on_all_addresses_gives_way_to_one_on_a_single_address() {
    let port = free_port();
    let all = SocketAddr::from(([0, 0, 0, 0], port));
    let mut listeners = Listeners::new(Roles::Process, 1);
    listeners.configure(Some(&serve(&[all]))).unwrap();
    listeners.configure(Some(&serve(&[loopback(port)]))).unwrap();
    assert_eq!(listeners.addresses(), [loopback(port)]);
    listeners.configure(Some(&serve(&[all]))).unwrap();
    assert_eq!(listeners.addresses(), [all]);
    listeners.configure(None).unwrap();
    assert!(listeners.addresses().is_empty());
}

#[test]
fn at_37_a_port_that_cannot_be_opened_changes_nothing() {
    let taken = std::net::UdpSocket::bind(loopback(0)).unwrap();
    let (port, theirs) = (free_port(), taken.local_addr().unwrap());
    let mut listeners = Listeners::new(Roles::Process, 1);
    listeners.configure(Some(&serve(&[loopback(port)]))).unwrap();
    assert_eq!(listeners.configure(Some(&serve(&[theirs]))).unwrap_err().wanted.address, theirs);
    assert_eq!(listeners.addresses(), [loopback(port)]);
}

#[test]
fn an_address_that_is_named_twice_is_opened_once() {
    let port = free_port();
    let mut listeners = Listeners::new(Roles::Process, 1);
    listeners.configure(Some(&serve(&[loopback(port), loopback(port)]))).unwrap();
    assert_eq!(listeners.addresses().len(), 1);
}

#[test]
fn workers_have_sockets_of_their_own_on_one_port() {
    let port = free_port();
    let mut listeners = Listeners::new(Roles::Process, 3);
    listeners.configure(Some(&serve(&[loopback(port)]))).unwrap();
    assert_eq!(listeners.addresses(), [loopback(port)]);
    let fds: Vec<_> = (0..3).map(|worker| listeners.share(worker)[0].1.fd()).collect();
    assert!(fds[0] != fds[1] && fds[1] != fds[2] && fds[0] != fds[2]);
    assert!(listeners.share(3).is_empty());
    assert!(Listeners::new(Roles::Process, 1).workers().is_none());
}
