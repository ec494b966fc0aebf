//! Arrows between crates may only point down: the order is that of `docs/architecture.md`.

use std::process::Command;

use serde_json::Value;

/// The layer of each crate of the workspace; a crate may depend on those of a lower number only.
const LAYERS: &[(&str, u8)] = &[
    ("truechimer-time", 0),
    ("truechimer-wire", 1),
    ("truechimer-discipline", 1),
    // Beside the mathematics, but it speaks of packets.
    ("truechimer-nts", 2),
    ("truechimer-engine", 3),
    ("truechimer-sys", 4),
    ("truechimer-config", 4),
    ("truechimer-control", 4),
    ("truechimer-nts-ke", 4),
    ("truechimer-sim", 4),
    ("chimerd", 5),
    ("chimer", 6),
    ("truechimer-tests", 7),
    ("xtask", 7),
    ("truechimer-bench", 8),
];

/// Crates that must stay off each other's path although the layers would allow it.
const FORBIDDEN: &[(&str, &str)] = &[
    // The simulator never ships inside the daemon.
    ("chimerd", "truechimer-sim"),
    // TLS knows the keys that it exchanges, not the machine that uses them.
    ("truechimer-nts-ke", "truechimer-engine"),
    // The system's adapter knows the mathematics' clock trait, not the machine.
    ("truechimer-sys", "truechimer-engine"),
];

/// Libraries that may stand in one crate only.
const CONFINED: &[(&str, &[&str])] = &[
    ("libc", &["truechimer-sys"]),
    ("rustls", &["truechimer-nts-ke"]),
    ("rustls-webpki", &["truechimer-nts-ke"]),
    ("rustls-native-certs", &["truechimer-nts-ke"]),
];

pub(crate) fn check() -> Result<Vec<String>, String> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--format-version=1", "--no-deps"])
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages =
        metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata names no packages")?;
    let mut complaints = Vec::new();
    for package in packages {
        let name = text(package.get("name"))?;
        let Some(layer) = layer_of(name) else {
            complaints.push(format!("{name}: not in the table of layers (xtask/src/layers.rs)"));
            continue;
        };
        for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
            let target = text(dependency.get("name"))?;
            // A crate may ask for itself with a feature that only its tests need.
            if let Some(below) = layer_of(target).filter(|_| target != name) {
                if below >= layer {
                    complaints.push(format!("{name} (layer {layer}) depends on {target} (layer {below})"));
                }
                if FORBIDDEN.contains(&(name, target)) {
                    complaints.push(format!("{name} must not depend on {target}"));
                }
            }
            if let Some((_, homes)) = CONFINED.iter().find(|(library, _)| *library == target)
                && !homes.contains(&name)
            {
                complaints.push(format!("{name} uses {target}, which is confined to {homes:?}"));
            }
        }
    }
    Ok(complaints)
}

fn layer_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn text(value: Option<&Value>) -> Result<&str, String> {
    value.and_then(Value::as_str).ok_or_else(|| "cargo metadata: a name is missing".into())
}
