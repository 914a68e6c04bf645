//! Errors as the user reads them.

use std::error::Error;

/// An error and all its causes in one line, outermost first.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the heap")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_their_effect() {
        let error = Outer(std::io::Error::other("no permission"));
        assert_eq!(chain(&error), "cannot open the heap: no permission");
    }
}
