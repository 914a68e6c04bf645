use std::fmt;

/// What a control is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlValue {
    /// Of integers, booleans (0 and 1), menus (the number of the entry), bit masks and buttons (any number pushes).
    Number(i64),
    /// Of strings.
    Text(String),
}

impl ControlValue {
    /// The number, where it is one.
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for ControlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl From<i64> for ControlValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for ControlValue {
    fn from(is_on: bool) -> Self {
        Self::Number(is_on.into())
    }
}

impl From<&str> for ControlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
