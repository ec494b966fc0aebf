use std::fs;

use super::*;

fn at(seconds: f64) -> Mono {
    Mono::default().after(seconds)
}

#[test]
fn at_27_the_end_of_a_certificate_is_announced_thirty_seven_and_one_day_before() {
    let mut watch = ExpiryWatch::default();
    assert_eq!(watch.poll(0), None);
    let end = 100 * DAY_S;
    let validity = Validity { not_before_s: DAY_S, not_after_s: end };
    watch.set(validity);
    assert_eq!((watch.poll(0), watch.poll(5)), (Some(Expiry::Early), None));
    let mut said = Vec::new();
    for hour in 0..3000 {
        let unix_s = hour * 3600;
        said.extend(watch.poll(unix_s).map(|expiry| ((end - unix_s) / 3600, expiry)));
    }
    assert_eq!(
        said,
        [
            (30 * 24 - 1, Expiry::Soon(30)),
            (7 * 24 - 1, Expiry::Soon(7)),
            (23, Expiry::Soon(1)),
            (-1, Expiry::Over)
        ]
    );
    // A clock that was wrong for a while does not say it all again, a new certificate may.
    assert_eq!((watch.poll(end - 20 * DAY_S), watch.poll(end + 1)), (None, None));
    watch.set(validity);
    assert_eq!(watch.poll(end - 20 * DAY_S), Some(Expiry::Soon(20 + 1)));
    assert_eq!(watch.poll(end - 2 * DAY_S), Some(Expiry::Soon(2 + 1)));
}

#[test]
fn at_27_renewed_files_are_read_again_and_unreadable_ones_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| dir.path().join(name));
    let mut files = CertificateFiles::new(&chain, &key, at(0.0));
    assert!(files.are(&chain, &key) && !files.are(&key, &chain));
    let error = files.read().unwrap_err();
    assert!(error.contains("chain.pem"), "{error}");
    fs::write(&chain, "chain").unwrap();
    fs::write(&key, "key").unwrap();
    let mut now = 0.0;
    let mut changes = |files: &mut CertificateFiles, seconds: f64| {
        let mut found = Vec::new();
        let end = now + seconds;
        while now < end {
            now += 1.0;
            found.extend(files.poll_change(at(now)));
        }
        found
    };
    let found = changes(&mut files, 70.0);
    assert_eq!(found, [Ok((b"chain".to_vec(), Zeroizing::new(b"key".to_vec())))]);
    assert_eq!(changes(&mut files, 1000.0), []);
    fs::write(&key, "another").unwrap();
    assert_eq!(changes(&mut files, 70.0), [Ok((b"chain".to_vec(), Zeroizing::new(b"another".to_vec())))]);
    fs::write(&key, vec![0; KEY_MAX + 1]).unwrap();
    let found = changes(&mut files, 70.0);
    assert!(matches!(&found[..], [Err(text)] if text.contains("key.pem")), "{found:?}");
}
