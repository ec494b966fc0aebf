use super::*;

fn book() -> Book {
    Book::new(42, "the command".to_owned(), vec![Window { from_s: 100.0, until_s: 200.0 }])
}

#[test]
fn a_violation_names_everything_that_repeats_it() {
    let mut book = book();
    book.check(Invariant::I1, 5.0, 1, false, || "too wrong".to_owned());
    let text = book.violations()[0].to_string();
    for part in ["I1", "5.000 s", "host 1", "seed 42", "too wrong", "the command"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn everything_is_counted_and_the_first_few_described() {
    let mut book = book();
    for second in 0..50 {
        book.check(Invariant::I6, f64::from(second), 0, second % 2 == 0, || "odd".to_owned());
    }
    assert_eq!(book.tally(Invariant::I6), Tally { checked: 50, broken: 25 });
    assert_eq!(book.tally(Invariant::I5), Tally::default());
    assert_eq!(book.violations().len(), DESCRIBED);
}

#[test]
fn an_exempt_time_excuses_the_bound_and_nothing_else() {
    let mut book = book();
    for invariant in Invariant::ALL {
        book.check(invariant, 150.0, 0, false, String::new);
        book.check(invariant, 200.0, 0, true, String::new);
    }
    for invariant in Invariant::ALL {
        let excused = matches!(invariant, Invariant::I1 | Invariant::I7);
        assert_eq!(book.tally(invariant).broken, u64::from(!excused), "{invariant:?}");
    }
}
