use std::fmt;

use crate::Wish;

/// What remains of wishes that cannot be met together when each that matters nothing is taken away.
pub(super) fn contradiction(
    mut wishes: Vec<Wish>,
    possible: impl Fn(&[Wish]) -> bool,
) -> Vec<Wish> {
    let mut index = 0;
    while index < wishes.len() {
        let wish = wishes.remove(index);
        if possible(&wishes) {
            wishes.insert(index, wish);
            index += 1;
        }
    }
    wishes
}

/// `camera wants …, display wants …, but encoder wants …`.
pub(super) fn write_wishes(f: &mut fmt::Formatter<'_>, wishes: &[Wish]) -> fmt::Result {
    let [first, others @ ..] = wishes else {
        return f.write_str("nobody wants anything");
    };
    write!(f, "{first}")?;
    let Some((last, between)) = others.split_last() else {
        return f.write_str(", which nothing can meet");
    };
    for wish in between {
        write!(f, ", {wish}")?;
    }
    write!(f, ", but {last}")
}
