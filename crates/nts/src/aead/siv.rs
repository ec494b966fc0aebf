//! AES-SIV-CMAC, RFC 5297, with the associated data and the nonce as its two components (§6).
//!
//! The mode is written here over the block cipher of the `aes` crate, as a request costs the server four of these
//! operations and most of their time is waiting: the blocks of a CMAC come one after another. Here all of S2V is one call
//! into the cipher, and chains that do not depend on each other stand side by side, so that the processor overlaps them.
//! The `aes-siv` crate, which takes one at a time and expands a key for each message, is what the tests compare with.

use std::mem::ManuallyDrop;

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit,
};
use aes::{Aes128Enc, Aes256Enc, Block};
use subtle::ConstantTimeEq;

use super::{AeadError, KeyBlocks, TAG_LEN};

/// Blocks of key stream that are made at once.
const STREAM_BLOCKS: usize = 8;

/// A key for the MAC and one for the encryption. They wipe themselves when dropped.
#[derive(Clone)]
pub(super) struct Siv<C> {
    mac: C,
    counter: C,
}

/// A key that is used for one message, [not wiped](super::seal_once).
struct Once<C> {
    mac: ManuallyDrop<C>,
    /// Nothing if there is nothing to encrypt.
    counter: Option<ManuallyDrop<C>>,
}

/// How a key falls into halves: MAC, encryption.
pub(super) trait Halves: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit {
    fn halves(key: &KeyBlocks) -> (Key<Self>, Key<Self>);
}

impl Halves for Aes128Enc {
    fn halves(&[mac, counter, _, _]: &KeyBlocks) -> (Key<Self>, Key<Self>) {
        (mac.into(), counter.into())
    }
}

impl Halves for Aes256Enc {
    fn halves(&[mac_a, mac_b, counter_a, counter_b]: &KeyBlocks) -> (Key<Self>, Key<Self>) {
        let join = |a: [u8; 16], b: [u8; 16]| {
            let mut key = Key::<Self>::default();
            key.iter_mut().zip(a.into_iter().chain(b)).for_each(|(to, from)| *to = from);
            key
        };
        (join(mac_a, mac_b), join(counter_a, counter_b))
    }
}

impl<C: Halves> Siv<C> {
    pub(super) fn new(key: &KeyBlocks) -> Self {
        let (mac, counter) = C::halves(key);
        Self { mac: C::new(&mac), counter: C::new(&counter) }
    }

    pub(super) fn seal(&self, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
        seal(&self.mac, Some(&self.counter), nonce, aad, message)
    }

    pub(super) fn open<'m>(
        &self,
        nonce: &[u8],
        aad: &[u8],
        message: &'m mut [u8],
    ) -> Result<&'m mut [u8], AeadError> {
        open(&self.mac, Some(&self.counter), nonce, aad, message)
    }
}

impl<C: Halves> Once<C> {
    fn new(key: &KeyBlocks, message: &[u8]) -> Self {
        let (mac, counter) = C::halves(key);
        let counter = (message.len() > TAG_LEN).then(|| ManuallyDrop::new(C::new(&counter)));
        Self { mac: ManuallyDrop::new(C::new(&mac)), counter }
    }
}

/// [`Siv::seal`] with a key that is not kept.
pub(super) fn seal_once<C: Halves>(
    key: &KeyBlocks,
    nonce: &[u8],
    aad: &[u8],
    message: &mut [u8],
) -> Result<(), AeadError> {
    let once = Once::<C>::new(key, message);
    seal(&*once.mac, once.counter.as_deref(), nonce, aad, message)
}

/// [`Siv::open`] with a key that is not kept.
pub(super) fn open_once<'m, C: Halves>(
    key: &KeyBlocks,
    nonce: &[u8],
    aad: &[u8],
    message: &'m mut [u8],
) -> Result<&'m mut [u8], AeadError> {
    let once = Once::<C>::new(key, message);
    open(&*once.mac, once.counter.as_deref(), nonce, aad, message)
}

fn seal<C: Halves>(
    mac: &C,
    counter: Option<&C>,
    nonce: &[u8],
    aad: &[u8],
    message: &mut [u8],
) -> Result<(), AeadError> {
    let (tag, plaintext) = split(nonce, message)?;
    *tag = synthesize(mac, aad, nonce, plaintext);
    apply_key_stream(counter, tag, plaintext);
    Ok(())
}

fn open<'m, C: Halves>(
    mac: &C,
    counter: Option<&C>,
    nonce: &[u8],
    aad: &[u8],
    message: &'m mut [u8],
) -> Result<&'m mut [u8], AeadError> {
    let (tag, plaintext) = split(nonce, message)?;
    apply_key_stream(counter, tag, plaintext);
    if bool::from(synthesize(mac, aad, nonce, plaintext).ct_eq(tag)) {
        return Ok(plaintext);
    }
    plaintext.fill(0);
    Err(AeadError::Forged)
}

/// The synthetic initialisation vector, which is the tag: S2V of §2.4.
fn synthesize<C: Halves>(mac: &C, aad: &[u8], nonce: &[u8], plaintext: &[u8]) -> [u8; TAG_LEN] {
    let mut tag = 0;
    mac.encrypt_with_backend(S2v { aad, nonce, plaintext, tag: &mut tag });
    tag.to_be_bytes()
}

/// Counter mode from the tag with two bits cleared, §2.5.
fn apply_key_stream<C: Halves>(cipher: Option<&C>, tag: &[u8; TAG_LEN], data: &mut [u8]) {
    let Some(cipher) = cipher else { return };
    let mut counter = u128::from_be_bytes(*tag) & !(1 << 63 | 1 << 31);
    for piece in data.chunks_mut(STREAM_BLOCKS * TAG_LEN) {
        let mut stream = [Block::default(); STREAM_BLOCKS];
        let used = stream.get_mut(..piece.len().div_ceil(TAG_LEN)).unwrap_or_default();
        for block in used.iter_mut() {
            *block = counter.to_be_bytes().into();
            counter = counter.wrapping_add(1);
        }
        cipher.encrypt_blocks(used);
        xor(piece, used);
    }
}

/// Combines text and key stream.
pub(super) fn xor(text: &mut [u8], stream: &[Block]) {
    let (blocks, rest) = text.as_chunks_mut::<TAG_LEN>();
    let mut stream = stream.iter();
    for (block, key) in blocks.iter_mut().zip(&mut stream) {
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes((*key).into())).to_ne_bytes();
    }
    rest.iter_mut().zip(stream.flatten()).for_each(|(byte, key)| *byte ^= key);
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

/// S2V over two components and a plaintext. The cipher is entered once for all of it, and what does not depend on each
/// other stands side by side, so that the processor overlaps it.
struct S2v<'a> {
    aad: &'a [u8],
    nonce: &'a [u8],
    plaintext: &'a [u8],
    tag: &'a mut u128,
}

/// What CMAC (RFC 4493 §2.3) derives from its key.
struct Subkeys {
    /// K1: goes into a last block that is complete.
    complete: u128,
    /// K2: goes into a last block that had to be padded.
    padded: u128,
}

/// Multiplication by x in GF(2^128), RFC 5297 §2.3.
const fn double(value: u128) -> u128 {
    // A mask instead of a branch: the top bit is secret.
    (value << 1) ^ (0x87 & (value >> 127).wrapping_neg())
}

impl BlockSizeUser for S2v<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for S2v<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let complete = double(encrypt(backend, 0));
        // CMAC of a block of zeros is E(0 ^ K1).
        let zero_code = encrypt(backend, complete);
        let keys = Subkeys { complete, padded: double(complete) };
        // All blocks of the plaintext but those that hold its last 16 bytes, which depend on the rest.
        let head_len = self.plaintext.len().saturating_sub(TAG_LEN) / TAG_LEN * TAG_LEN;
        let (head, tail) = self.plaintext.split_at_checked(head_len).unwrap_or_default();
        let (aad_blocks, aad_last) = last_block(self.aad, &keys);
        let (nonce_blocks, nonce_last) = last_block(self.nonce, &keys);
        let (head_blocks, _) = head.as_chunks();
        let nonce_state = number(chain(backend, Block::default(), nonce_blocks));
        let (aad_state, state) = chains(backend, aad_blocks, head_blocks);
        let aad_code = encrypt(backend, aad_state ^ aad_last);
        let nonce_code = encrypt(backend, nonce_state ^ nonce_last);
        let sum = double(double(zero_code) ^ aad_code) ^ nonce_code;
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
fn chain<B>(backend: &B, mut state: Block, blocks: &[[u8; TAG_LEN]]) -> Block
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    blocks.iter().for_each(|block| step(backend, &mut state, block));
    state
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
    let (mut a, mut b) = (Block::default(), Block::default());
    for (left, right) in left_both.iter().zip(right_both) {
        step(backend, &mut a, left);
        step(backend, &mut b, right);
    }
    (number(chain(backend, a, left_rest)), number(chain(backend, b, right_rest)))
}

/// One block of CBC; on bytes, so that the state stays in a vector register from block to block.
#[inline(always)]
fn step<B>(backend: &B, state: &mut Block, block: &[u8; TAG_LEN])
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    state.iter_mut().zip(block).for_each(|(state, byte)| *state ^= byte);
    backend.encrypt_block(state.into());
}

#[inline(always)]
fn number(block: Block) -> u128 {
    u128::from_be_bytes(block.into())
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
