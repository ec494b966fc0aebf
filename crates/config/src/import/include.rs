//! Which files a line includes.

use std::collections::BTreeMap;
use std::io;

use super::Files;

/// No line includes more files.
const MOST_FILES: usize = 1000;

/// The files with this ending in several folders, in the order of their names; of those with the same name, the one in
/// the folder that is named first.
pub(super) fn in_folders(files: &dyn Files, folders: &[&str], ending: &str) -> Vec<String> {
    let mut found = BTreeMap::new();
    for folder in folders {
        let Ok(names) = files.list(folder) else { continue };
        for name in names.into_iter().filter(|name| name.ends_with(ending)) {
            let path = join(folder, &name);
            found.entry(name).or_insert(path);
        }
    }
    found.into_values().take(MOST_FILES).collect()
}

/// Whether a path is a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that a pattern with `*`, `?` and `[…]` stands for, in the order of their names.
///
/// # Errors
/// A folder to look into cannot be read.
pub(super) fn matching(files: &dyn Files, pattern: &str) -> io::Result<Vec<String>> {
    let (mut found, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec!["/".to_owned()], rest),
        None => (vec![String::new()], pattern),
    };
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in &found {
            if !is_pattern(part) {
                next.push(join(folder, part));
                continue;
            }
            let here = if folder.is_empty() { "." } else { folder };
            let mut names = files.list(here)?;
            names.retain(|name| (!name.starts_with('.') || part.starts_with('.')) && fits(part, name));
            names.sort_unstable();
            next.extend(names.iter().map(|name| join(folder, name)));
        }
        next.truncate(MOST_FILES);
        found = next;
    }
    Ok(found)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

/// Whether a name fits a pattern. Backtracks to the last `*` only, so the time is bounded by the product of the lengths.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(length) = one(pattern.get(p..).unwrap_or(&[]), name.get(n)) {
            p += length;
            n += 1;
        } else if let Some((at, eaten)) = star {
            star = Some((at, eaten + 1));
            p = at + 1;
            n = eaten + 1;
        } else {
            return false;
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

/// How much of the pattern stands for this one character, if it does.
fn one(pattern: &[char], c: Option<&char>) -> Option<usize> {
    let c = c?;
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let end = pattern.iter().skip(2).position(|p| *p == ']')? + 2;
            let inside = pattern.get(1..end)?;
            let (negated, set) = match inside.split_first() {
                Some(('!' | '^', rest)) => (true, rest),
                _ => (false, inside),
            };
            let mut hit = set.contains(c);
            for window in set.windows(3) {
                if let [low, '-', high] = window {
                    hit |= (low..=high).contains(&c);
                }
            }
            (hit != negated).then_some(end + 1)
        }
        p => (p == c).then_some(1),
    }
}
