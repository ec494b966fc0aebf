//! AES-128-GCM-SIV, RFC 8452, written over the `aes` and `polyval` crates so that a message costs no more than its work: the
//! `aes-gcm-siv` crate, which derives block by block and expands for decryption too, is what the tests compare with.

use std::mem::ManuallyDrop;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use polyval::Polyval;
use polyval::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;

use super::siv::xor;
use super::{AeadError, KeyBlocks, TAG_LEN};

/// Bytes of a nonce.
const NONCE_LEN: usize = 12;
/// Blocks of key stream that are made at once.
const STREAM_BLOCKS: usize = 8;

/// The key from which those for each nonce are derived. It wipes itself when dropped.
#[derive(Clone)]
pub(super) struct GcmSiv(Aes128Enc);

/// The keys for one nonce, which are [not wiped](super::seal_once).
struct Derived {
    hash: Polyval,
    cipher: ManuallyDrop<Aes128Enc>,
}

impl GcmSiv {
    pub(super) fn new([key, ..]: &KeyBlocks) -> Self {
        Self(Aes128Enc::new(key.into()))
    }

    pub(super) fn seal(&self, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
        seal(&self.0, nonce, aad, message)
    }

    pub(super) fn open<'m>(
        &self,
        nonce: &[u8],
        aad: &[u8],
        message: &'m mut [u8],
    ) -> Result<&'m mut [u8], AeadError> {
        open(&self.0, nonce, aad, message)
    }
}

/// [`GcmSiv::seal`] with a key that is not kept.
pub(super) fn seal_once(
    key: &KeyBlocks,
    nonce: &[u8],
    aad: &[u8],
    message: &mut [u8],
) -> Result<(), AeadError> {
    let key = ManuallyDrop::new(GcmSiv::new(key));
    seal(&key.0, nonce, aad, message)
}

/// [`GcmSiv::open`] with a key that is not kept.
pub(super) fn open_once<'m>(
    key: &KeyBlocks,
    nonce: &[u8],
    aad: &[u8],
    message: &'m mut [u8],
) -> Result<&'m mut [u8], AeadError> {
    let key = ManuallyDrop::new(GcmSiv::new(key));
    open(&key.0, nonce, aad, message)
}

fn seal(key: &Aes128Enc, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
    let (plaintext, tag, nonce) = split(nonce, message)?;
    let Derived { hash, cipher } = Derived::new(key, nonce);
    *tag = make_tag(hash, &cipher, nonce, aad, plaintext);
    apply_key_stream(&cipher, tag, plaintext);
    Ok(())
}

fn open<'m>(
    key: &Aes128Enc,
    nonce: &[u8],
    aad: &[u8],
    message: &'m mut [u8],
) -> Result<&'m mut [u8], AeadError> {
    let (plaintext, tag, nonce) = split(nonce, message)?;
    let Derived { hash, cipher } = Derived::new(key, nonce);
    apply_key_stream(&cipher, tag, plaintext);
    if bool::from(make_tag(hash, &cipher, nonce, aad, plaintext).ct_eq(tag)) {
        return Ok(plaintext);
    }
    plaintext.fill(0);
    Err(AeadError::Forged)
}

/// Text and tag of a message, and the nonce.
type Split<'m> = (&'m mut [u8], &'m mut [u8; TAG_LEN], [u8; NONCE_LEN]);

fn split<'m>(nonce: &[u8], message: &'m mut [u8]) -> Result<Split<'m>, AeadError> {
    let nonce = nonce.try_into().map_err(|_| AeadError::Nonce)?;
    let (plaintext, tag) = message.split_last_chunk_mut().ok_or(AeadError::Short)?;
    Ok((plaintext, tag, nonce))
}

impl Derived {
    /// §4: each key is the first halves of two blocks, which are a counter and the nonce.
    fn new(key: &Aes128Enc, nonce: [u8; NONCE_LEN]) -> Self {
        let mut blocks = [Block::default(); 4];
        for (block, count) in blocks.iter_mut().zip(0_u8..) {
            let (place, rest) = block.split_at_mut(TAG_LEN - NONCE_LEN);
            place.copy_from_slice(&[count, 0, 0, 0]);
            rest.copy_from_slice(&nonce);
        }
        key.encrypt_blocks(&mut blocks);
        let [a, b, c, d] = blocks.map(|block| u128::from_le_bytes(block.into()) & u128::from(u64::MAX));
        let hash_key = (a | b << 64).to_le_bytes();
        let cipher_key = (c | d << 64).to_le_bytes();
        Self {
            hash: Polyval::new(&hash_key.into()),
            cipher: ManuallyDrop::new(Aes128Enc::new(&cipher_key.into())),
        }
    }
}

/// §4: the hash of everything, with the nonce, enciphered.
fn make_tag(
    mut hash: Polyval,
    cipher: &Aes128Enc,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> [u8; TAG_LEN] {
    hash.update_padded(aad);
    hash.update_padded(plaintext);
    let bits = |bytes: &[u8]| u128::from(8 * bytes.len() as u64);
    let lengths = bits(aad) | bits(plaintext) << 64;
    hash.update(&[lengths.to_le_bytes().into()]);
    let mut block = hash.finalize();
    block.iter_mut().zip(nonce).for_each(|(byte, nonce)| *byte ^= nonce);
    if let Some(last) = block.last_mut() {
        *last &= 0x7f;
    }
    cipher.encrypt_block(&mut block);
    block.into()
}

/// §4: counter mode from the tag with its last bit set; the counter is the first 32 bits.
fn apply_key_stream(cipher: &Aes128Enc, tag: &[u8; TAG_LEN], data: &mut [u8]) {
    let [b0, b1, b2, b3, rest @ ..] = *tag;
    let mut counter = u32::from_le_bytes([b0, b1, b2, b3]);
    for piece in data.chunks_mut(STREAM_BLOCKS * TAG_LEN) {
        let mut stream = [Block::default(); STREAM_BLOCKS];
        let used = stream.get_mut(..piece.len().div_ceil(TAG_LEN)).unwrap_or_default();
        for block in used.iter_mut() {
            let (place, fixed) = block.split_at_mut(TAG_LEN - NONCE_LEN);
            place.copy_from_slice(&counter.to_le_bytes());
            fixed.copy_from_slice(&rest);
            if let Some(last) = fixed.last_mut() {
                *last |= 0x80;
            }
            counter = counter.wrapping_add(1);
        }
        cipher.encrypt_blocks(used);
        xor(piece, used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix C.3 has this for AES-256 only.
    #[test]
    fn the_counter_wraps_into_nothing_else() {
        let cipher = Aes128Enc::new(&[9; 16].into());
        let mut tag = [0x11; TAG_LEN];
        tag[..4].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
        let mut text = [0; 4 * TAG_LEN];
        apply_key_stream(&cipher, &tag, &mut text);
        for (block, counter) in text.chunks(TAG_LEN).zip([0xffff_fffe_u32, 0xffff_ffff, 0, 1]) {
            let mut expected = Block::from(tag);
            expected[..4].copy_from_slice(&counter.to_le_bytes());
            expected[15] |= 0x80;
            cipher.encrypt_block(&mut expected);
            assert_eq!(block, expected.as_slice());
        }
    }
}
