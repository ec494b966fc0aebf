use proptest::prelude::*;

use super::*;

const NANOS: i128 = 1_000_000_000;

/// A civil time of UTC as a reading, computed the long way round.
fn utc(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Cooked {
    // Days from civil, Howard Hinnant's algorithm: years begin in March, eras of 400 years have 146 097 days.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Cooked::from_unix_nanos(i128::from(seconds) * NANOS)
}

fn seconds(count: i128) -> NtpDuration {
    NtpDuration::from_nanos(count * NANOS)
}

#[test]
fn rfc_5905_figure_4_interesting_dates() {
    // Date, era, timestamp seconds in the era.
    let table = [
        (utc(1900, 1, 1, 0, 0, 0), 0, 0_u64),
        (utc(1970, 1, 1, 0, 0, 0), 0, 2_208_988_800),
        (utc(1972, 1, 1, 0, 0, 0), 0, 2_272_060_800),
        (utc(1999, 12, 31, 0, 0, 0), 0, 3_155_587_200),
        (utc(2036, 2, 8, 0, 0, 0), 1, 63_104),
        (utc(1899, 12, 31, 0, 0, 0), -1, 4_294_880_896),
    ];
    for (date, era, in_era) in table {
        assert_eq!(date.bits() >> 64, era, "{date:?}");
        assert_eq!(date.timestamp().bits(), in_era << 32, "{date:?}");
    }
}

#[test]
fn at_30_era_rollover_2036_02_07() {
    let rollover = utc(2036, 2, 7, 6, 28, 16);
    assert_eq!(rollover.bits(), 1 << 64);
    assert_eq!(rollover.timestamp(), NtpTimestamp::ZERO);
    let floor = utc(2026, 1, 1, 0, 0, 0);
    for offset in [-2, -1, 0, 1, 2] {
        let before_or_after = rollover + seconds(offset);
        assert_eq!(Cooked::unfold(before_or_after.timestamp(), floor), before_or_after);
        // A client and a server on either side of the rollover measure what is between them.
        let other = rollover + seconds(1);
        let (a, b) = (before_or_after.timestamp(), other.timestamp());
        assert_eq!(Cooked::unfold(b, floor) - Cooked::unfold(a, floor), seconds(1 - offset));
    }
}

#[test]
fn at_30_era_rollover_with_an_unset_clock() {
    // The battery clock says 1970, and the server's reply crosses the rollover: the floor alone decides the era.
    let floor = utc(2026, 6, 1, 0, 0, 0);
    for truth in [
        utc(2026, 6, 1, 0, 0, 0),
        utc(2036, 2, 7, 6, 28, 15),
        utc(2036, 2, 8, 0, 0, 0),
        utc(2161, 1, 1, 0, 0, 0),
    ] {
        assert_eq!(Cooked::unfold(truth.timestamp(), floor), truth);
    }
    // A server that is a second behind the floor is taken to be an era ahead: a floor must be certainly past.
    let early = floor - seconds(1);
    assert_eq!(Cooked::unfold(early.timestamp(), floor) - early, seconds(1 << 32));
}

#[test]
fn at_31_year_2038_and_year_2106() {
    let floor = utc(2026, 1, 1, 0, 0, 0);
    // Where 31 and 32 bits of seconds since 1970 end, and where era 1 turns 2104's corner.
    let corners = [
        (utc(2038, 1, 19, 3, 14, 7), (1 << 31) - 1),
        (utc(2038, 1, 19, 3, 14, 8), 1 << 31),
        (utc(2104, 2, 26, 9, 42, 24), 4_233_462_144),
        (utc(2106, 2, 7, 6, 28, 15), (1 << 32) - 1),
        (utc(2106, 2, 7, 6, 28, 16), 1 << 32),
    ];
    for (date, unix) in corners {
        assert_eq!(date.unix_nanos(), unix * NANOS);
        assert_eq!(Cooked::unfold(date.timestamp(), floor), date);
        assert_eq!(Cooked::from_unix_nanos(unix * NANOS + 1).unix_nanos(), unix * NANOS + 1);
    }
    // Half of era 1: a signed comparison of timestamps would break here.
    assert_eq!(utc(2104, 2, 26, 9, 42, 24).timestamp().bits() >> 63, 1);
    assert_eq!((utc(2104, 2, 26, 9, 42, 24) - seconds(1)).timestamp().bits() >> 63, 0);
}

#[test]
fn readings_saturate_at_the_ends_of_the_scale() {
    let last = Cooked::from_bits(i128::MAX);
    let first = Cooked::from_bits(i128::MIN);
    assert_eq!(last + NtpDuration::from_bits(1), last);
    assert_eq!(first - NtpDuration::from_bits(1), first);
    assert_eq!(last - first, NtpDuration::from_bits(i128::MAX));
    assert_eq!(Cooked::unfold(NtpTimestamp::from_bits(5), last), last);
}

#[test]
fn readings_are_shown_in_unix_seconds() {
    assert_eq!(format!("{:?}", Cooked::from_unix_nanos(1_500_000_000)), "Cooked(1.500000000)");
    assert_eq!(format!("{:?}", Raw::starting_at(Cooked::UNIX_EPOCH)), "Raw(0.000000000)");
    // An extreme one must show something, not overflow.
    assert!(format!("{:?}", Cooked::from_bits(i128::MIN)).starts_with("Cooked(-"));
    assert!(format!("{:?}", Raw::from_bits(i128::MAX)).starts_with("Raw("));
}

#[test]
fn unix_seconds_are_good_to_a_microsecond_for_centuries() {
    let date = utc(2400, 1, 1, 0, 0, 0) + NtpDuration::from_nanos(123_456_000);
    assert!((date.unix_seconds() - 13_569_465_600.123_456).abs() < 2e-6);
}

#[test]
fn monotonic_time_goes_nowhere_by_nonsense() {
    let start = Mono::from_nanos(5);
    for nothing in [0.0, -1.0, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(start.after(nothing), start);
    }
    assert_eq!(start.after(1.5).nanos(), 1_500_000_005);
    assert_eq!(start.after(f64::INFINITY).nanos(), u64::MAX);
    assert_eq!(start.seconds_since(start.after(2.0)), 0.0);
    assert_eq!(start.after(2.0).seconds_since(start), 2.0);
}

#[test]
fn better_stamps_are_greater() {
    assert!(StampSource::User < StampSource::Kernel && StampSource::Kernel < StampSource::Hardware);
}

proptest! {
    #[test]
    fn nanoseconds_survive_the_way_to_bits_and_back(nanos in -(1_i128 << 80)..1_i128 << 80) {
        // A unit is 0.23 ns, so no nanosecond is lost.
        prop_assert_eq!(Cooked::from_unix_nanos(nanos).unix_nanos(), nanos);
    }

    #[test]
    fn bits_survive_the_way_to_nanoseconds_within_half_a_nanosecond(bits in -(1_i128 << 80)..1_i128 << 80) {
        let there = Cooked::from_bits(bits);
        let back = Cooked::from_unix_nanos(there.unix_nanos());
        // Half a nanosecond is 2.15 units, and half a unit is rounded on the way back.
        prop_assert!((back - there).abs().bits() <= 2);
    }

    #[test]
    fn every_timestamp_unfolds_into_the_136_years_from_the_floor(bits in any::<u64>(), floor in -(1_i128 << 90)..1_i128 << 90) {
        let floor = Cooked::from_bits(floor);
        let date = Cooked::unfold(NtpTimestamp::from_bits(bits), floor);
        prop_assert_eq!(date.timestamp().bits(), bits);
        prop_assert!(date >= floor && (date - floor).bits() < 1 << 64);
    }

    #[test]
    fn adding_undoes_subtracting(bits in any::<i64>(), span in any::<i64>()) {
        let (date, span) = (Cooked::from_bits(bits.into()), NtpDuration::from_bits(span.into()));
        prop_assert_eq!(date + span - span, date);
        prop_assert_eq!((date + span) - date, span);
    }

    #[test]
    fn deadlines_are_where_they_were_set(nanos in 0_u64..1 << 60, seconds in 0.0..1e6_f64) {
        let start = Mono::from_nanos(nanos);
        prop_assert!((start.after(seconds).seconds_since(start) - seconds).abs() < 1e-8);
    }
}
