//! Content keys: equal inputs give equal names, so a cached image is found again and a changed recipe builds a new one.

/// A hash over the parts of a recipe, as 16 hexadecimal digits.
///
/// FNV-1a with 64 bits: stable across Rust versions, unlike the standard library's hasher. Nobody attacks this cache.
pub(crate) fn content_key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    // A byte that UTF-8 never contains ends each part.
    let hash = parts.into_iter().fold(BASIS, |hash, part| {
        part.bytes().chain([0xff]).fold(hash, step)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_and_tell_recipes_apart() {
        assert_eq!(content_key([]), "cbf29ce484222325");
        assert_eq!(content_key(["ab", "c"]), content_key(["ab", "c"]));
        assert_ne!(content_key(["ab", "c"]), content_key(["a", "bc"]));
        assert_ne!(content_key(["a"]), content_key(["a", ""]));
    }
}
