use super::*;

const START: Mono = Mono::from_nanos(1_000_000_000_000);

/// The pauses of so many exchanges in a row, each begun when it was allowed.
fn pauses(backoff: &mut Backoff, reached: bool, count: usize) -> Vec<f64> {
    let mut rng = Rng::new([1; 32]);
    let mut now = START;
    (0..count)
        .map(|_| {
            let pause_s = backoff.ended(reached, now, &mut rng);
            assert!((backoff.next().seconds_since(now) - pause_s).abs() < 1e-6);
            now = backoff.next();
            pause_s
        })
        .collect()
}

/// The pause is never shorter than the RFC's, min(10 · 1.5^(n−1), 432 000), and at most a quarter longer.
#[test]
fn the_pauses_are_those_of_the_rfc() {
    let found = pauses(&mut Backoff::new(START), true, 40);
    for (n, pause_s) in found.iter().enumerate() {
        let least_s = (10.0 * 1.5_f64.powi(n as i32)).min(432_000.0);
        assert!((least_s..=1.25 * least_s).contains(pause_s), "pause {n}: {pause_s}");
    }
}

#[test]
fn an_unreachable_server_is_tried_every_hour_or_so() {
    let mut backoff = Backoff::new(START);
    let found = pauses(&mut backoff, false, 100);
    assert!(found.iter().all(|pause_s| (10.0..=1.25 * 4_096.0).contains(pause_s)), "{found:?}");
    assert!(found.iter().sum::<f64>() > 300_000.0);
    // When it can be reached again and refuses, the pause is not at once one of days.
    let mut rng = Rng::new([2; 32]);
    assert!(backoff.ended(true, START, &mut rng) < 10_000.0);
}

#[test]
fn only_an_authentic_reply_shortens_the_pause() {
    let mut backoff = Backoff::new(START);
    let found = pauses(&mut backoff, true, 8);
    assert!(found.last().is_some_and(|&pause_s| pause_s > 100.0));
    let next = backoff.next();
    backoff.proven();
    assert_eq!(backoff.next(), next, "the shortest pause since the last exchange still holds");
    let mut rng = Rng::new([3; 32]);
    assert!(backoff.ended(true, START, &mut rng) <= 12.5);
}

#[test]
fn another_address_does_not_begin_the_count_again() {
    let mut backoff = Backoff::new(START);
    let mut rng = Rng::new([4; 32]);
    assert_eq!(backoff.carried_over(START, &mut rng).next(), START);
    pauses(&mut backoff, true, 12);
    let mut other = backoff.carried_over(START, &mut rng);
    let first_s = other.next().seconds_since(START);
    assert!((10.0..=12.5).contains(&first_s), "{first_s}");
    assert!(other.ended(true, START, &mut rng) > 1_000.0);
}

#[test]
fn an_operator_need_not_wait() {
    let mut backoff = Backoff::new(START);
    let mut rng = Rng::new([5; 32]);
    pauses(&mut backoff, true, 20);
    let later = START.after(1e5);
    backoff.hurry(later, &mut rng);
    assert!(backoff.next().seconds_since(later) <= 2.5);
    // But for the shortest pause since the last exchange.
    backoff.ended(true, later, &mut rng);
    backoff.hurry(later.after(1.0), &mut rng);
    assert!((10.0..=12.5).contains(&backoff.next().seconds_since(later)));
    backoff.put_off(START);
    assert!((backoff.next().seconds_since(START) - 1.0).abs() < 1e-6);
}
