//! Words and numbers as chronyd reads them.

use std::net::IpAddr;

use super::directives::{self, Directive};
use crate::import::values::subnet;
use crate::text::{nearest, quote};

/// Options of directives of which nothing is taken over: they must be right all the same. Kinds are those of
/// [`super::DIRECTIVES`].
const REFCLOCK_OPTIONS: &[(&str, char)] = &[
    ("delay", 'n'),
    ("dpoll", 'i'),
    ("filter", 'i'),
    ("local", ' '),
    ("lock", 'r'),
    ("maxdispersion", 'n'),
    ("maxlockage", 'i'),
    ("maxsamples", 'i'),
    ("maxunreach", 'i'),
    ("minsamples", 'i'),
    ("noselect", ' '),
    ("offset", 'n'),
    ("poll", 'i'),
    ("pps", ' '),
    ("precision", 'n'),
    ("prefer", ' '),
    ("rate", 'i'),
    ("refid", 'r'),
    ("require", ' '),
    ("stratum", 's'),
    ("tai", ' '),
    ("trust", ' '),
    ("width", 'n'),
];
const HWTIMESTAMP_OPTIONS: &[(&str, char)] = &[
    ("maxpoll", 'i'),
    ("maxsamples", 'i'),
    ("minpoll", 'i'),
    ("minsamples", 'i'),
    ("nocrossts", ' '),
    ("precision", 'n'),
    ("rxcomp", 'n'),
    ("rxfilter", 'f'),
    ("txcomp", 'n'),
];
const FILTERS: &[&str] = &["none", "ntp", "ptp", "all"];

/// What separates words: not what else is white space in Unicode.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// The words of a line.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// The number of digits and a sign that a word begins with, and what follows it. What is too large for 64 bits becomes
/// the largest that is not.
fn leading_integer(word: &str) -> Option<(i128, &str)> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let size = digits.parse::<u64>().unwrap_or(u64::MAX);
    Some((if word.starts_with('-') { -i128::from(size) } else { size.into() }, rest))
}

/// An integer of 32 bits as C reads it: what follows it does not count, and what is too large loses its upper bits.
pub(super) fn integer(word: &str) -> Option<i64> {
    let (value, _) = leading_integer(word)?;
    let value = value.clamp(i64::MIN.into(), i64::MAX.into());
    Some(i64::from(value as i32)) // as C does
}

/// The same without a sign, as keys are numbered.
pub(super) fn unsigned(word: &str) -> Option<u32> {
    let (value, _) = leading_integer(word)?;
    Some(value as u32) // as C does
}

/// A number as C reads it: what follows it does not count. It may be infinite or none.
pub(super) fn number(word: &str) -> Option<f64> {
    leading_number(word).map(|(value, _)| value)
}

fn leading_number(word: &str) -> Option<(f64, &str)> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let names = ["infinity", "inf", "nan"];
    let begins =
        |name: &&&str| unsigned.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let length = match names.iter().find(begins) {
        Some(name) => name.len(),
        None => {
            let whole = digits(unsigned);
            let after = unsigned.get(whole..).unwrap_or("");
            let fraction = after.strip_prefix('.').map_or(0, |after| 1 + digits(after));
            if whole + fraction.saturating_sub(1) == 0 {
                return None;
            }
            let after = after.get(fraction..).unwrap_or("");
            let power = after.strip_prefix(['e', 'E']).unwrap_or("");
            let sign = usize::from(power.starts_with(['-', '+']));
            let exponent = power.get(sign..).map_or(0, digits);
            whole + fraction + if exponent > 0 { 1 + sign + exponent } else { 0 }
        }
    };
    let (value, rest) = word.split_at_checked(word.len() - unsigned.len() + length)?;
    // Nobody writes hexadecimal numbers, and they must not be taken for zero.
    let hexadecimal = rest.starts_with(['x', 'X']) && unsigned.get(..length) == Some("0");
    (!hexadecimal).then_some((value.parse().ok()?, rest))
}

/// Whether a word is of a kind, and if it must be whole, nothing else; the error says what is wanted.
fn fits(kind: char, word: &str, whole: bool) -> Result<(), &'static str> {
    let ends = |rest: &str| !whole || rest.is_empty();
    let is_integer = leading_integer(word).is_some_and(|(_, rest)| ends(rest));
    let (good, wanted) = match kind {
        'i' => (is_integer, "an integer"),
        'n' => (leading_number(word).is_some_and(|(_, rest)| ends(rest)), "a number"),
        'u' => (is_integer, "a number"),
        'k' => (is_integer && unsigned(word) != Some(0), "the number of a key"),
        'l' => (is_integer && integer(word).is_some_and(|n| (1..=15).contains(&n)), "a stratum from 1 to 15"),
        's' => (is_integer && integer(word).is_some_and(|n| (0..=15).contains(&n)), "a stratum from 0 to 15"),
        'r' => ((1..=4).contains(&word.len()), "an identifier of at most 4 letters"),
        'x' => (["f323", "f324"].contains(&word.to_ascii_lowercase().as_str()), "F323 or F324"),
        _ => (true, ""),
    };
    if good { Ok(()) } else { Err(wanted) }
}

/// Whether a word can be the name of a host.
pub(super) fn may_be_name(text: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().all(of_name)
        && text.contains(|c: char| c.is_ascii_alphabetic())
        && !text.eq_ignore_ascii_case("all")
}

/// What the table of directives cannot say.
fn more(name: &str, words: &[&str]) -> Result<(), String> {
    match (name, words) {
        ("refclock", [_, _, rest @ ..]) => options(name, REFCLOCK_OPTIONS, rest),
        ("hwtimestamp", [_, rest @ ..]) => options(name, HWTIMESTAMP_OPTIONS, rest),
        ("tempcomp", [_, _, _]) => Ok(()),
        ("tempcomp", [_, _, a, b, c, d]) => {
            let good = [a, b, c].iter().all(|word| fits('n', word, true).is_ok()) && number(d).is_some();
            if good { Ok(()) } else { Err("`tempcomp` wants T0, k0, k1 and k2 as numbers".into()) }
        }
        ("tempcomp", _) => {
            Err("write `tempcomp FILE INTERVAL T0 k0 k1 k2` or `tempcomp FILE INTERVAL POINTS`".into())
        }
        ("driftfile", [_]) => Ok(()),
        ("driftfile", [_, word, value])
            if word.eq_ignore_ascii_case("interval") && integer(value).is_some() =>
        {
            Ok(())
        }
        ("driftfile", _) => Err("write `driftfile FILE` or `driftfile FILE interval SECONDS`".into()),
        ("smoothtime", [_, _, word]) if !word.eq_ignore_ascii_case("leaponly") => {
            Err(format!("{} is not `leaponly`", quote(word)))
        }
        ("broadcast", [_, address, ..]) if address.parse::<IpAddr>().is_err() => {
            Err(format!("{} is not an address", quote(address)))
        }
        ("cmdallow" | "cmddeny", words) => {
            let rest = words.strip_prefix(&["all"]).unwrap_or(words);
            match rest {
                [] => Ok(()),
                [text] if subnet(text).is_some() || may_be_name(text) => Ok(()),
                rest => Err(format!("{} is not a network", quote(&rest.join(" ")))),
            }
        }
        ("ntsaeads", words) => match words.iter().find(|word| integer(word).is_none()) {
            Some(word) => Err(format!("{} is not the number of an algorithm", quote(word))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn options(owner: &str, table: &[(&str, char)], words: &[&str]) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some((name, kind)) = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) else {
            return Err(format!("`{owner}` has no option {}", quote(word)));
        };
        if *kind == ' ' {
            continue;
        }
        let value = words.next().ok_or_else(|| format!("`{owner}`: `{name}` lacks its value"))?;
        let known = *kind != 'f' || FILTERS.iter().any(|filter| filter.eq_ignore_ascii_case(value));
        let wanted = if known { fits(*kind, value, true) } else { Err("none, ntp, ptp or all") };
        wanted.map_err(|wanted| format!("`{owner}`: {} is not {wanted}", quote(value)))?;
    }
    Ok(())
}

/// Whether the words are what a directive takes.
pub(super) fn check(entry: &Directive, words: &[&str]) -> Result<(), String> {
    arguments(entry, words, false)?;
    more(entry.name, words)
}

/// Whether the words are the arguments of an entry; if they are exact, nothing follows a number in its word.
fn arguments(entry: &Directive, words: &[&str], exact: bool) -> Result<(), String> {
    let name = entry.name;
    let usage = || match entry.arguments {
        "" => format!("`{name}` stands alone"),
        _ => format!("write `{name} {}`", shown(entry.arguments)),
    };
    let mut rest = words.iter();
    let endless = entry.arguments.ends_with("...");
    let arguments: Vec<_> =
        entry.arguments.split_whitespace().filter(|argument| *argument != "...").collect();
    let needed = arguments.iter().filter(|argument| !argument.starts_with('[')).count();
    let mut spare = words.len().saturating_sub(needed);
    let kind_of = |argument: &str| {
        let kind = argument.trim_matches(['[', ']']).split_once(':').map_or("", |(_, kind)| kind);
        kind.chars().next().unwrap_or(' ')
    };
    for (index, argument) in arguments.iter().copied().enumerate() {
        let optional = argument.strip_prefix('[').map(|inner| inner.trim_end_matches(']'));
        if optional.is_some() {
            if spare == 0 {
                continue;
            }
            spare -= 1;
        }
        let kind = kind_of(argument);
        // chronyd reads numbers that follow each other at once, and what follows the last one in its word not at all.
        let whole = exact || arguments.get(index + 1).is_some_and(|next| matches!(kind_of(next), 'i' | 'n'));
        let Some(word) = rest.next() else {
            return Err(format!("`{name}` lacks {}: {}", shown(argument), usage()));
        };
        if let Err(wanted) = fits(kind, word, whole) {
            return Err(format!("{} is not {wanted}: {}", quote(word), usage()));
        }
    }
    match rest.next() {
        Some(word) if !endless => Err(format!("`{name}` does not take {}: {}", quote(word), usage())),
        _ => Ok(()),
    }
}

/// Arguments for people: without their kinds.
pub(super) fn shown(arguments: &str) -> String {
    let words = arguments.split_whitespace().map(|argument| {
        let end = if argument.ends_with(']') && argument.contains(':') { "]" } else { "" };
        format!("{}{end}", argument.split_once(':').map_or(argument, |(name, _)| name))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The next option of a list and its value, taken off.
pub(super) fn option<'t>(
    table: &'static [Directive],
    owner: &str,
    words: &mut std::slice::Iter<'_, &'t str>,
) -> Option<Result<(&'static Directive, &'t str), String>> {
    let word = words.next()?;
    let Some(entry) = directives::find(table, word) else {
        let help = match nearest(word, table.iter().map(|entry| entry.name)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        return Some(Err(format!("`{owner}` has no option {}{help}", quote(word))));
    };
    let value = if entry.arguments.is_empty() { None } else { words.next() };
    let given: Vec<&str> = value.copied().into_iter().collect();
    Some(arguments(entry, &given, true).map(|()| (entry, value.copied().unwrap_or(""))))
}

#[cfg(test)]
mod tests;
