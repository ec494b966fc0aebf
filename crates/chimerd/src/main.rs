//! chimerd
fn main() {}
