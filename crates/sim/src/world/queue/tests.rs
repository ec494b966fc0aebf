use super::*;

fn fault(what: What) -> usize {
    match what {
        What::Fault(number) => number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_come_by_time_and_then_in_the_order_of_pushing() {
    let at = |seconds: i128| Cooked::from_bits(seconds << 32);
    let mut queue = Queue::default();
    for (number, seconds) in [5, 3, 5, 1, 3].into_iter().enumerate() {
        queue.push(at(seconds), What::Fault(number));
    }
    assert_eq!(queue.next_at(), Some(at(1)));
    let order: Vec<usize> = std::iter::from_fn(|| queue.pop()).map(|(_, what)| fault(what)).collect();
    assert_eq!(order, [3, 1, 4, 0, 2]);
}
