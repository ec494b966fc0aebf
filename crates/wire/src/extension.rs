//! Extension fields, RFC 5905 §7.5 as amended by RFC 7822; types from the registry of RFC 9748.

/// Bytes of type and length before a field's value.
pub(crate) const FIELD_HEADER_LEN: usize = 4;
/// Shortest field, its header included (RFC 7822 §7.5.1.2).
pub const MIN_FIELD_LEN: usize = 16;
/// Shortest last field of a packet without a MAC (RFC 7822 §7.5.1.2): it is told from a MAC by being
/// longer than any.
pub const MIN_LAST_FIELD_LEN: usize = 28;
/// Most fields that a packet may have. The longest legal use, a request for NTS cookies, has about ten.
pub const MAX_FIELDS: usize = 32;

/// What an extension field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldType(pub u16);

impl FieldType {
    /// NTS unique identifier (RFC 8915 §5.3).
    pub const UNIQUE_IDENTIFIER: Self = Self(0x0104);
    /// NTS cookie (RFC 8915 §5.4).
    pub const NTS_COOKIE: Self = Self(0x0204);
    /// NTS cookie placeholder (RFC 8915 §5.5).
    pub const NTS_COOKIE_PLACEHOLDER: Self = Self(0x0304);
    /// NTS authenticator and encrypted extension fields (RFC 8915 §5.6).
    pub const NTS_AUTHENTICATOR: Self = Self(0x0404);
    /// UDP checksum complement (RFC 7821).
    pub const CHECKSUM_COMPLEMENT: Self = Self(0x2005);

    /// Whether the type is free for experiments (0xF000 to 0xFFFF, RFC 9748 §4.2).
    pub const fn is_experimental(self) -> bool {
        self.0 >= 0xF000
    }
}

/// One field of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What it means.
    pub field_type: FieldType,
    /// Its value with the padding: only the type's own format tells them apart.
    pub value: &'a [u8],
}

/// Why the bytes where a field should be are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// Fewer bytes than a type and a length take.
    Cut,
    /// The length is too small, not a multiple of four, or beyond the end.
    Length,
}

impl<'a> Field<'a> {
    /// The field at the start of `bytes` and what follows it.
    pub(crate) fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FieldError> {
        let &[type_high, type_low, len_high, len_low, ..] = bytes else { return Err(FieldError::Cut) };
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        if len < MIN_FIELD_LEN || !len.is_multiple_of(4) {
            return Err(FieldError::Length);
        }
        let (field, rest) = bytes.split_at_checked(len).ok_or(FieldError::Length)?;
        let value = field.get(FIELD_HEADER_LEN..).unwrap_or_default();
        Ok((Self { field_type: FieldType(u16::from_be_bytes([type_high, type_low])), value }, rest))
    }
}

/// The fields of a packet in their order. [`Packet::parse`](crate::Packet::parse) has checked all of them.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Over bytes that hold nothing but fields, such as those that NTS seals; the iterator ends at the first that is
    /// malformed.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (field, rest) = Field::split(self.rest).ok()?;
        self.rest = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests;
