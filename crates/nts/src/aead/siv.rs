//! AES-SIV-CMAC, RFC 5297, with the associated data and the nonce as its two components (§6).
//!
//! The mode is written here over the block cipher of the `aes` crate, as a request costs the server four of these
//! operations: this keeps every key expanded that outlives a packet, lets the independent chains of S2V run side by side
//! (one alone leaves an AES unit idle most of the time). The `aes-siv` crate, which does neither, is what
//! the tests compare it with.

use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{AeadError, MAX_KEY_LEN, TAG_LEN};

/// Blocks of key stream that are made at once.
const STREAM_BLOCKS: usize = 8;

/// A key for the MAC and one for the encryption.
#[derive(Clone)]
pub(super) struct Siv<C: KeyInit> {
    mac: C,
    subkeys: Subkeys,
    counter_key: Key<C>,
    /// `counter_key` expanded, where that was asked for.
    counter: Option<C>,
}

/// What CMAC (RFC 4493) and S2V derive from the MAC key alone.
#[derive(Clone, Copy)]
struct Subkeys {
    /// K1: goes into a last block that is complete.
    complete: u128,
    /// K2: goes into a last block that had to be padded.
    padded: u128,
    /// dbl(CMAC(0)): where S2V starts with its first component.
    start: u128,
}

/// Multiplication by x in GF(2^128), RFC 5297 §2.3.
const fn double(value: u128) -> u128 {
    // A mask instead of a branch: the top bit is secret.
    (value << 1) ^ (0x87 & (value >> 127).wrapping_neg())
}

impl<C> Siv<C>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    /// From a key that stands at the start of `bytes`: first the MAC's half.
    pub(super) fn new(bytes: &[u8; MAX_KEY_LEN]) -> Self {
        let mut mac_key = Key::<C>::default();
        let mut counter_key = Key::<C>::default();
        let mut from = bytes.iter();
        mac_key.iter_mut().chain(counter_key.iter_mut()).zip(&mut from).for_each(|(to, from)| *to = *from);
        let mac = C::new(&mac_key);
        mac_key.as_mut_slice().zeroize();
        let mut zero = 0;
        mac.encrypt_with_backend(Encrypt(&mut zero));
        let complete = double(zero);
        let mut start = complete; // CMAC of one block of zeros is E(0 ^ K1)
        mac.encrypt_with_backend(Encrypt(&mut start));
        let subkeys = Subkeys { complete, padded: double(complete), start: double(start) };
        Self { mac, subkeys, counter_key, counter: None }
    }

    /// Makes the encryption's half ready too.
    pub(super) fn expand(&mut self) {
        self.counter = Some(C::new(&self.counter_key));
    }

    pub(super) fn seal(&self, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
        let (tag, plaintext) = split(nonce, message)?;
        *tag = self.synthesize(aad, nonce, plaintext);
        self.apply_key_stream(tag, plaintext);
        Ok(())
    }

    pub(super) fn open<'m>(
        &self,
        nonce: &[u8],
        aad: &[u8],
        message: &'m mut [u8],
    ) -> Result<&'m mut [u8], AeadError> {
        let (tag, plaintext) = split(nonce, message)?;
        self.apply_key_stream(tag, plaintext);
        if bool::from(self.synthesize(aad, nonce, plaintext).ct_eq(tag)) {
            return Ok(plaintext);
        }
        plaintext.fill(0);
        Err(AeadError::Forged)
    }

    /// The synthetic initialisation vector, which is the tag: S2V of §2.4.
    fn synthesize(&self, aad: &[u8], nonce: &[u8], plaintext: &[u8]) -> [u8; TAG_LEN] {
        let mut tag = 0;
        self.mac.encrypt_with_backend(S2v { subkeys: self.subkeys, aad, nonce, plaintext, tag: &mut tag });
        tag.to_be_bytes()
    }

    /// Counter mode from the tag with two bits cleared, §2.5.
    fn apply_key_stream(&self, tag: &[u8; TAG_LEN], data: &mut [u8]) {
        if data.is_empty() {
            return;
        }
        let expanded;
        let cipher = match &self.counter {
            Some(cipher) => cipher,
            None => {
                expanded = C::new(&self.counter_key);
                &expanded
            }
        };
        let mut counter = u128::from_be_bytes(*tag) & !(1 << 63 | 1 << 31);
        for piece in data.chunks_mut(STREAM_BLOCKS * TAG_LEN) {
            let mut stream = [Block::default(); STREAM_BLOCKS];
            let used = stream.get_mut(..piece.len().div_ceil(TAG_LEN)).unwrap_or_default();
            for block in used.iter_mut() {
                *block = counter.to_be_bytes().into();
                counter = counter.wrapping_add(1);
            }
            cipher.encrypt_blocks(used);
            piece.iter_mut().zip(used.iter().flatten()).for_each(|(byte, key)| *byte ^= key);
        }
    }
}

impl<C: KeyInit> Drop for Siv<C> {
    fn drop(&mut self) {
        // The expanded keys wipe themselves.
        self.counter_key.as_mut_slice().zeroize();
        self.subkeys.complete.zeroize();
        self.subkeys.padded.zeroize();
        self.subkeys.start.zeroize();
    }
}

/// Tag and text of a message. An empty nonce would make the mode deterministic.
fn split<'m>(
    nonce: &[u8],
    message: &'m mut [u8],
) -> Result<(&'m mut [u8; TAG_LEN], &'m mut [u8]), AeadError> {
    if nonce.is_empty() {
        return Err(AeadError::Nonce);
    }
    message.split_first_chunk_mut().ok_or(AeadError::Short)
}

/// One block through the cipher.
struct Encrypt<'a>(&'a mut u128);

impl BlockSizeUser for Encrypt<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Encrypt<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        *self.0 = encrypt(backend, *self.0);
    }
}

/// S2V over two components and a plaintext. The cipher is entered once for all of it, and what does not depend on each
/// other stands side by side, so that the processor overlaps it.
struct S2v<'a> {
    subkeys: Subkeys,
    aad: &'a [u8],
    nonce: &'a [u8],
    plaintext: &'a [u8],
    tag: &'a mut u128,
}

impl BlockSizeUser for S2v<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for S2v<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let keys = self.subkeys;
        // All blocks of the plaintext but those that hold its last 16 bytes, which depend on the rest.
        let head_len = self.plaintext.len().saturating_sub(TAG_LEN) / TAG_LEN * TAG_LEN;
        let (head, tail) = self.plaintext.split_at_checked(head_len).unwrap_or_default();
        let (aad_blocks, aad_last) = last_block(self.aad, &keys);
        let (nonce_blocks, nonce_last) = last_block(self.nonce, &keys);
        let (head_blocks, _) = head.as_chunks();
        let nonce_state = chain(backend, 0, nonce_blocks);
        let (aad_state, state) = chains(backend, aad_blocks, head_blocks);
        let aad_code = encrypt(backend, aad_state ^ aad_last);
        let nonce_code = encrypt(backend, nonce_state ^ nonce_last);
        let sum = double(keys.start ^ aad_code) ^ nonce_code;
        *self.tag = finish(backend, &keys, state, sum, tail);
    }
}

/// The end of S2V: the sum of the components goes into the last 16 bytes of the plaintext, of which `tail` are the last
/// 16 to 31, or all if there are fewer.
#[inline(always)]
fn finish<B>(backend: &B, keys: &Subkeys, state: u128, sum: u128, tail: &[u8]) -> u128
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let Some((rest, end)) = tail.split_last_chunk::<TAG_LEN>() else {
        return encrypt(backend, double(sum) ^ padded(tail) ^ keys.complete);
    };
    let end = u128::from_be_bytes(*end) ^ sum;
    if rest.is_empty() {
        return encrypt(backend, state ^ end ^ keys.complete);
    }
    // The last 16 bytes lie across two blocks.
    let bits = 8 * rest.len() as u32; // 8 to 120
    let first = (padded(rest) ^ (1 << (127 - bits))) | (end >> bits);
    let last = (end << (128 - bits)) | (1 << (127 - bits));
    let state = encrypt(backend, state ^ first);
    encrypt(backend, state ^ last ^ keys.padded)
}

/// The blocks of a CMAC message but the last, and the last with its subkey.
#[inline(always)]
fn last_block<'a>(message: &'a [u8], keys: &Subkeys) -> (&'a [[u8; TAG_LEN]], u128) {
    let (blocks, rest) = message.as_chunks();
    match blocks.split_last() {
        Some((last, blocks)) if rest.is_empty() => (blocks, u128::from_be_bytes(*last) ^ keys.complete),
        _ => (blocks, padded(rest) ^ keys.padded),
    }
}

/// Fewer than 16 bytes with a one and zeros behind.
#[inline(always)]
fn padded(bytes: &[u8]) -> u128 {
    let mut block = [0; TAG_LEN];
    let mut end = block.iter_mut();
    (&mut end).zip(bytes).for_each(|(to, from)| *to = *from);
    if let Some(next) = end.next() {
        *next = 0x80;
    }
    u128::from_be_bytes(block)
}

/// CBC over blocks.
#[inline(always)]
fn chain<B>(backend: &B, start: u128, blocks: &[[u8; TAG_LEN]]) -> u128
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    blocks.iter().fold(start, |state, block| encrypt(backend, state ^ u128::from_be_bytes(*block)))
}

/// Two of these side by side.
#[inline(always)]
fn chains<B>(backend: &B, left: &[[u8; TAG_LEN]], right: &[[u8; TAG_LEN]]) -> (u128, u128)
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let both = left.len().min(right.len());
    let (left_both, left_rest) = left.split_at_checked(both).unwrap_or_default();
    let (right_both, right_rest) = right.split_at_checked(both).unwrap_or_default();
    let (mut a, mut b) = (0, 0);
    for (left, right) in left_both.iter().zip(right_both) {
        a = encrypt(backend, a ^ u128::from_be_bytes(*left));
        b = encrypt(backend, b ^ u128::from_be_bytes(*right));
    }
    (chain(backend, a, left_rest), chain(backend, b, right_rest))
}

#[inline(always)]
fn encrypt<B>(backend: &B, block: u128) -> u128
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let mut block = Block::from(block.to_be_bytes());
    backend.encrypt_block((&mut block).into());
    u128::from_be_bytes(block.into())
}
