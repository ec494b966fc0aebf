//! Replays the seed corpus of the fuzz targets (`fuzz/`), without libFuzzer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub)] // a library of its own
mod fuzz;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_seed_keeps_the_promises_of_its_target() {
    for (name, body) in fuzz::TARGETS {
        let folder = folder("corpus").join(name);
        let seeds = names(&folder);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            let bytes = fs::read(folder.join(&seed)).unwrap();
            let replay = std::panic::catch_unwind(|| body(&bytes));
            assert!(replay.is_ok(), "fuzz/corpus/{name}/{seed} breaks a promise (above)");
        }
    }
}

#[test]
fn truncated_seeds_keep_them_too() {
    for (name, body) in fuzz::TARGETS {
        let folder = folder("corpus").join(name);
        for seed in names(&folder) {
            let bytes = fs::read(folder.join(&seed)).unwrap();
            for len in 0..bytes.len() {
                body(&bytes[..len]);
            }
        }
    }
}

#[test]
fn targets_corpus_and_programs_are_the_same_list() {
    let targets: BTreeSet<String> = fuzz::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets, names(&folder("corpus")));
    let programs = names(&folder("fuzz_targets"));
    let programs: BTreeSet<String> =
        programs.iter().map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(targets, programs);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for target in targets {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target} is no [[bin]] in fuzz/Cargo.toml"
        );
    }
}
