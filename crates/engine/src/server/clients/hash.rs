//! SipHash-1-3 of sixteen bytes (Aumasson and Bernstein 2012): a hash that nobody can foresee without its key.

/// A secret.
pub(super) type Key = [u64; 2];

/// Two keys of one seed.
pub(super) fn keys(seed: [u8; 32]) -> (Key, Key) {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(seed.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [a, b, c, d] = words;
    ([a, b], [c, d])
}

/// The hash.
pub(super) fn hash(key: &Key, bytes: [u8; 16]) -> u64 {
    let [k0, k1] = *key;
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let whole = u128::from_le_bytes(bytes);
    // The last word has the length in its highest byte.
    for word in [whole as u64, (whole >> 64) as u64, 16 << 56] {
        v[3] ^= word;
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn round(v: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *v;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *v = [a, b, c, d];
}
