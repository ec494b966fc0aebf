use std::net::UdpSocket;
use std::time::{Duration, Instant};

use truechimer_config::{Config, Roles};
use truechimer_engine::Initial;
use truechimer_engine::config::{Listener, ServeConfig};
use truechimer_sys::clock::ObserveOnly;

use super::*;

#[test]
fn what_ntpq_asks_at_a_port_of_the_server_comes_to_the_loop() {
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = Listener { address, interface: None };
    let serve = ServeConfig { listen: vec![listener], ..ServeConfig::default() };
    let mut config = Config::default().engine;
    config.serve = Some(serve.clone());
    let mut listeners = Listeners::new(Roles::Process, 2);
    listeners.configure(Some(&serve)).unwrap();
    let mut clocks = Clocks::new(Box::new(ObserveOnly::new()));
    let now = clocks.now();
    let mut engine = Engine::new(config, Initial::default(), [1; 32], now);
    let make_clock: ClockMaker = || Box::new(ObserveOnly::new());
    let mut workers = Workers::start(2, &listeners, &mut engine, make_clock, now).unwrap().unwrap();

    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    // A request for time from somebody who is not served, and a question.
    for first in [0x23, 0x16] {
        client.send_to(&[&[first, 2][..], &[0; 46]].concat(), address).unwrap();
    }
    let mut questions = Questions::default();
    let mut poll = PollSet::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while questions.len() == 0 {
        assert!(Instant::now() < deadline, "the question is lost");
        poll.clear();
        workers.register(&mut poll);
        poll.wait(Some(Duration::from_millis(100))).unwrap();
        let (jobs, more) = workers.take_jobs(&poll);
        assert!(jobs.is_empty());
        questions.append(more);
    }
    assert_eq!(questions.len(), 1);
    drop(workers);
}
