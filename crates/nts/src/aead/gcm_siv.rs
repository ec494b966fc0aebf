//! AES-128-GCM-SIV, RFC 8452.

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes128GcmSiv, Nonce, Tag};

use super::{AeadError, MAX_KEY_LEN, TAG_LEN};

/// Bytes of a key.
const KEY_LEN: usize = 16;

/// The key from which one of its own is derived for each nonce.
#[derive(Clone)]
pub(super) struct GcmSiv(Aes128GcmSiv);

impl GcmSiv {
    /// From a key that stands at the start of `bytes`.
    pub(super) fn new(bytes: &[u8; MAX_KEY_LEN]) -> Self {
        let key: &[u8; KEY_LEN] = bytes.first_chunk().unwrap_or(&[0; KEY_LEN]);
        Self(Aes128GcmSiv::new(key.into()))
    }

    pub(super) fn seal(&self, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
        let (plaintext, tag, nonce) = split(nonce, message)?;
        let made = self.0.encrypt_inout_detached(&nonce, aad, plaintext.into());
        *tag = made.map_err(|_| AeadError::Short)?.into();
        Ok(())
    }

    pub(super) fn open<'m>(
        &self,
        nonce: &[u8],
        aad: &[u8],
        message: &'m mut [u8],
    ) -> Result<&'m mut [u8], AeadError> {
        let (plaintext, tag, nonce) = split(nonce, message)?;
        let opened = self.0.decrypt_inout_detached(&nonce, aad, (&mut *plaintext).into(), &Tag::from(*tag));
        match opened {
            Ok(()) => Ok(plaintext),
            Err(_) => {
                plaintext.fill(0);
                Err(AeadError::Forged)
            }
        }
    }
}

/// Text and tag of a message, and the nonce.
fn split<'m>(
    nonce: &[u8],
    message: &'m mut [u8],
) -> Result<(&'m mut [u8], &'m mut [u8; TAG_LEN], Nonce), AeadError> {
    let nonce = Nonce::try_from(nonce).map_err(|_| AeadError::Nonce)?;
    let (plaintext, tag) = message.split_last_chunk_mut().ok_or(AeadError::Short)?;
    Ok((plaintext, tag, nonce))
}
