use super::*;
use crate::io::Token;

fn at(seconds: f64) -> Mono {
    Mono::from_nanos(0).after(seconds)
}

fn events(outbox: &mut Outbox) -> Vec<Event> {
    std::iter::from_fn(|| outbox.pop())
        .filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

#[test]
fn na_27_events_of_one_kind_are_limited_and_the_rest_is_counted() {
    let mut outbox = Outbox::default();
    for _ in 0..100 {
        outbox.event(Event::Synchronised { bound_s: 0.0 }, at(1.0));
    }
    outbox.event(Event::Unsynchronised { bound_s: 0.0 }, at(1.0));
    let seen = events(&mut outbox);
    assert_eq!(seen.len(), 12, "{seen:?}");
    assert_eq!(seen[10], Event::Suppressed { count: 90 });
    // A minute lets ten more through.
    for second in 0..60 {
        outbox.event(Event::Synchronised { bound_s: 0.0 }, at(2.0 + f64::from(second)));
    }
    let synchronised = |event: &&Event| matches!(event, Event::Synchronised { .. });
    let through = events(&mut outbox).iter().filter(synchronised).count();
    assert!((9..=10).contains(&through), "{through}");
}

#[test]
fn an_adapter_that_never_polls_finds_a_bounded_queue() {
    let mut outbox = Outbox::default();
    for number in 0..10_000_u64 {
        outbox.push(Output::Close(Token(number)));
        outbox.event(Event::Selected { source: String::new() }, at(number as f64));
    }
    assert!(!outbox.has_room());
    assert_eq!(std::iter::from_fn(|| outbox.pop()).count(), CAPACITY);
}
