use std::collections::BTreeMap;

use truechimer_time::Cooked;

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn now() -> Now {
    Now {
        mono: Mono::from_nanos(1_000_000_000_000),
        cooked: Cooked::from_unix_nanos(1_795_000_000_500_000_000),
    }
}

fn nonces() -> Nonces {
    Nonces::new([7; 16])
}

/// Who asked so many seconds ago.
fn client(last_age_s: f64) -> ClientReport {
    let address = IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + (last_age_s * 8.0) as u32));
    ClientReport {
        address,
        requests: 5,
        dropped: 1,
        authenticated: 0,
        first_age_s: last_age_s + 256.0,
        last_age_s,
        interval_s: Some(64.0),
        limited_interval_s: None,
        port: 40_000,
        version: 4,
        mode: 3,
    }
}

fn ask(question: &str, clients: &[ClientReport]) -> Result<BTreeMap<String, String>, Fault> {
    let nonce = nonces().make(HERE, now().mono).unwrap();
    let question = format!("nonce={nonce}, {question}");
    let clients = || Some(clients.to_vec());
    let answer = read(question.as_bytes(), HERE, &nonces(), clients, now()).expect("an answer")?;
    let text = String::from_utf8(answer).unwrap();
    let pairs = text.trim_end().split(", ").map(|pair| pair.split_once('=').expect("a pair"));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[test]
fn the_list_goes_from_the_oldest_to_the_newest() {
    let answer = ask("frags=32", &[client(2.0), client(600.0), client(30.0)]).unwrap();
    assert_eq!((&*answer["addr.0"], &*answer["addr.2"]), ("10.0.18.192:40000", "10.0.0.16:40000"));
    assert_eq!((&*answer["ct.1"], &*answer["dr.1"], &*answer["mv.1"]), ("5", "1", "35"));
    assert_eq!((&*answer["sc.0"], &*answer["rs.0"]), ("0.016", "0x0"));
    let moments = |name: &str| seconds(&answer[name]).unwrap() - now().cooked.unix_nanos() as f64 * 1e-9;
    for (name, wanted) in
        [("last.0", -600.0), ("first.0", -856.0), ("last.2", -2.0), ("now", 0.0), ("last.newest", -2.0)]
    {
        assert!((moments(name) - wanted).abs() < 1e-5, "{name}");
    }
    assert!(!answer.contains_key("addr.3"));
    assert_eq!(ask("limit=5", &[]).unwrap().len(), 2, "a nonce and the time");
}

/// As ntpq goes on: with the newest entries that it has, newest first.
#[test]
fn a_long_list_comes_in_parts_and_is_whole() {
    let clients: Vec<ClientReport> = (1..=1000).map(|age| client(f64::from(age))).collect();
    let mut known: Vec<(String, String)> = Vec::new();
    for round in 0.. {
        let mut question = "frags=4".to_owned();
        for (place, (address, last)) in known.iter().rev().take(8).enumerate() {
            question.push_str(&format!(", addr.{place}={address}, last.{place}={last}"));
        }
        let answer = ask(&question, &clients).unwrap();
        assert_eq!(answer.contains_key("addr.older"), round > 0);
        for number in 0.. {
            let (Some(address), Some(last)) =
                (answer.get(&format!("addr.{number}")), answer.get(&format!("last.{number}")))
            else {
                break;
            };
            known.push((address.clone(), last.clone()));
        }
        if answer.contains_key("now") {
            break;
        }
        assert!(round < 1000, "it never ends");
    }
    assert_eq!(known.len(), 1000);
    known.dedup();
    assert_eq!(known.len(), 1000);
}

#[test]
fn an_answer_goes_on_behind_who_has_not_asked_again() {
    let clients: Vec<ClientReport> = (1..=5).map(|age| client(f64::from(age))).collect();
    let named = |age: f64, at: f64| format!("{}, {}", text_of(&client(age)), stamp(at, now()));
    let seen = |place: u32, text: String| {
        let (address, last) = text.split_once(", ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        format!(", addr.{place}={address}, last.{place}={last}")
    };
    // The first has asked again since it was listed: the second counts.
    let question = format!("frags=9{}{}", seen(0, named(1.0, 50.0)), seen(1, named(3.0, 3.0)));
    let answer = ask(&question, &clients).unwrap();
    assert_eq!(answer["addr.older"], text_of(&client(3.0)));
    assert_eq!(answer["addr.0"], text_of(&client(2.0)));
    let question = format!("frags=9{}", seen(0, named(1.0, 50.0)));
    assert_eq!(ask(&question, &clients), Err(Fault::Variable), "none of them is where it was");
}

#[test]
fn lists_can_be_narrowed() {
    let mut clients: Vec<ClientReport> = (1..=9).map(|age| client(f64::from(age))).collect();
    clients[0].requests = 90;
    clients[1].dropped = 70;
    let listed = |question: &str| {
        let answer = ask(&format!("frags=32, {question}"), &clients).unwrap();
        answer.keys().filter(|name| name.starts_with("ct.")).count()
    };
    for (question, count) in [
        ("recent=4", 4),
        ("mincount=50", 1),
        ("mindrop=50", 1),
        ("minlstint=8", 2),
        ("maxlstint=2", 2),
        ("minscore=1", 0),
        ("resany=0x20", 0),
        ("resall=0x0", 9),
        ("limit=3", 3),
    ] {
        assert_eq!(listed(question), count, "{question}");
    }
}

#[test]
fn what_makes_no_sense_is_told() {
    for question in ["frags=x", "frags=1, laddr=::1", "frags=1, sort=addr", "frags=1, addr.16=1", "", "limit"]
    {
        let fault = ask(question, &[]).unwrap_err();
        assert!(matches!(fault, Fault::Value | Fault::Format), "{question}: {fault:?}");
    }
}

/// AT-16: without a nonce of ours, for this address and of late, not a word, and not a look at the clients either.
#[test]
fn at16_without_a_nonce_nothing_is_said() {
    let nonce = nonces().make(HERE, now().mono).unwrap();
    let silent = |nonce: &str, remote: IpAddr, later_s: f64, nonces: &Nonces| {
        let now = Now { mono: now().mono.after(later_s), ..now() };
        let mut looked = false;
        let clients = || {
            looked = true;
            Some(vec![client(1.0)])
        };
        let question = format!("nonce={nonce}, frags=1");
        let is_silent = read(question.as_bytes(), remote, nonces, clients, now).is_none();
        assert_ne!(is_silent, looked, "{nonce}");
        is_silent
    };
    assert!(!silent(&nonce, HERE, 0.0, &nonces()) && !silent(&nonce, HERE, 15.9, &nonces()));
    assert!(silent(&nonce, HERE, 16.1, &nonces()), "old");
    assert!(silent(&nonce, "127.0.0.2".parse().unwrap(), 0.0, &nonces()), "another's");
    assert!(silent(&nonce, HERE, 0.0, &Nonces::new([8; 16])), "another server's");
    for at in [0, 15, 16, 47] {
        let mut bad = nonce.clone().into_bytes();
        bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
        assert!(silent(&String::from_utf8(bad).unwrap(), HERE, 0.0, &nonces()), "{at}");
    }
    for bad in ["", "0", &nonce[..47], "é".repeat(24).as_str(), &format!("{nonce}0")] {
        assert!(silent(bad, HERE, 0.0, &nonces()), "{bad}");
    }
}
