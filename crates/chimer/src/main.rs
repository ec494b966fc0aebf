//! chimer
fn main() {}
