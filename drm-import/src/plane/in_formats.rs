//! The `IN_FORMATS` blob: which formats a plane takes, with which modifiers.
//!
//! A plane's plain format list knows no modifiers. The blob does: a table of fourccs and, per modifier,
//! a 64 bit window into that table (`struct drm_format_modifier_blob` in `drm_mode.h`). All offsets
//! come from the driver, so every one is checked before it is followed.

use dmabuf_heap::{Format, FormatSet, Fourcc, Modifier};
use thiserror::Error;

const VERSION: u32 = 1;
const HEADER_LEN: usize = 24;
const FOURCC_LEN: usize = 4;
const MODIFIER_LEN: usize = 24;

/// Why a blob is not a format table.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum BlobError {
    #[error("version {0}, known is version {VERSION}")]
    Version(u32),
    #[error("ends after {len} bytes, {needed} are needed")]
    Short { len: usize, needed: u64 },
}

/// Reads a blob into a set of formats.
pub(crate) fn parse(blob: &[u8]) -> Result<FormatSet, BlobError> {
    let version = u32_at(blob, 0)?;
    if version != VERSION {
        return Err(BlobError::Version(version));
    }
    let fourccs = table(blob, u32_at(blob, 8)?, u32_at(blob, 12)?, FOURCC_LEN)?;
    let modifiers = table(blob, u32_at(blob, 16)?, u32_at(blob, 20)?, MODIFIER_LEN)?;
    debug_assert!(blob.len() >= HEADER_LEN, "the last header field was read");

    let mut formats = FormatSet::default();
    for entry in modifiers.chunks_exact(MODIFIER_LEN) {
        let mask = u64_at(entry, 0)?;
        let first = u64::from(u32_at(entry, 8)?);
        let modifier = Modifier(u64_at(entry, 16)?);
        for bit in (0..u64::from(u64::BITS)).filter(|bit| mask >> bit & 1 == 1) {
            // A bit past the end of the table names no format.
            let Some(fourcc) = fourcc_at(fourccs, first + bit) else {
                continue;
            };
            formats.insert(Format { fourcc, modifier });
        }
    }
    Ok(formats)
}

fn fourcc_at(table: &[u8], index: u64) -> Option<Fourcc> {
    let start = usize::try_from(index).ok()?.checked_mul(FOURCC_LEN)?;
    u32_at(table, start).ok().map(Fourcc)
}

fn table(blob: &[u8], count: u32, offset: u32, entry_len: usize) -> Result<&[u8], BlobError> {
    let needed = u64::from(offset) + u64::from(count) * entry_len as u64;
    let short = BlobError::Short {
        len: blob.len(),
        needed,
    };
    let end = usize::try_from(needed).map_err(|_too_large| short)?;
    blob.get(offset as usize..end).ok_or(short)
}

fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], BlobError> {
    let needed = offset as u64 + N as u64;
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<N>().copied())
        .ok_or(BlobError::Short {
            len: bytes.len(),
            needed,
        })
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, BlobError> {
    bytes_at(bytes, offset).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], offset: usize) -> Result<u64, BlobError> {
    bytes_at(bytes, offset).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob(fourccs: &[Fourcc], modifiers: &[(u64, u32, Modifier)]) -> Vec<u8> {
        let modifiers_offset = (HEADER_LEN + fourccs.len() * FOURCC_LEN).next_multiple_of(8);
        let mut bytes = Vec::new();
        let header = [
            VERSION,
            0,
            u32::try_from(fourccs.len()).unwrap(),
            u32::try_from(HEADER_LEN).unwrap(),
            u32::try_from(modifiers.len()).unwrap(),
            u32::try_from(modifiers_offset).unwrap(),
        ];
        bytes.extend(header.iter().flat_map(|field| field.to_ne_bytes()));
        bytes.extend(fourccs.iter().flat_map(|fourcc| fourcc.0.to_ne_bytes()));
        bytes.resize(modifiers_offset, 0);
        for (mask, first, modifier) in modifiers {
            bytes.extend(mask.to_ne_bytes());
            bytes.extend(first.to_ne_bytes());
            bytes.extend(0_u32.to_ne_bytes());
            bytes.extend(modifier.0.to_ne_bytes());
        }
        bytes
    }

    fn format(fourcc: Fourcc, modifier: Modifier) -> Format {
        Format { fourcc, modifier }
    }

    #[test]
    fn each_modifier_selects_its_formats() {
        let tiled = Modifier(0x0300_0000_0000_0001);
        let blob = blob(
            &[Fourcc::XRGB8888, Fourcc::NV12, Fourcc::YUYV],
            &[(0b111, 0, Modifier::LINEAR), (0b010, 0, tiled)],
        );
        let formats = parse(&blob).unwrap();
        assert_eq!(formats.iter().count(), 4);
        assert!(formats.contains(format(Fourcc::YUYV, Modifier::LINEAR)));
        assert!(formats.contains(format(Fourcc::NV12, tiled)));
        assert!(!formats.contains(format(Fourcc::XRGB8888, tiled)));
    }

    #[test]
    fn a_window_starts_at_its_offset() {
        let fourccs: Vec<_> = (0..70).map(Fourcc).collect();
        let formats = parse(&blob(&fourccs, &[(0b11, 64, Modifier::LINEAR)])).unwrap();
        assert_eq!(formats.iter().count(), 2);
        assert!(formats.contains(format(Fourcc(65), Modifier::LINEAR)));
    }

    #[test]
    fn bits_past_the_table_name_nothing() {
        let formats = parse(&blob(&[Fourcc::NV12], &[(u64::MAX, 0, Modifier::LINEAR)])).unwrap();
        assert_eq!(formats.iter().count(), 1);
    }

    #[test]
    fn a_cut_blob_is_refused_with_its_length() {
        let whole = blob(&[Fourcc::NV12], &[(1, 0, Modifier::LINEAR)]);
        for len in 0..whole.len() {
            assert!(
                matches!(parse(&whole[..len]), Err(BlobError::Short { len: l, .. }) if l <= len)
            );
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = blob(&[], &[]);
        bytes[0] = 9;
        assert_eq!(parse(&bytes).unwrap_err(), BlobError::Version(9));
    }

    proptest! {
        #[test]
        fn no_blob_makes_the_parser_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..256), known in any::<bool>()) {
            if known && bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&VERSION.to_ne_bytes());
            }
            let _set_or_error = parse(&bytes);
        }
    }
}
