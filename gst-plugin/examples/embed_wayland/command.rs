//! What can be told on standard input.

use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Size(Rectangle),
    Background(Color),
    Stop,
    Play,
    Hide,
    Show,
    Drop,
    Stats,
    Quit,
}

/// Where the video goes, in pixels from the left top corner of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// Red, green and blue, as in `XRGB8888`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u32);

impl FromStr for Command {
    type Err = Error;

    fn from_str(line: &str) -> Result<Command> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            ["size", size, "at", place] => Command::Size(Rectangle::parse(size, place)?),
            ["background", color] => Command::Background(color.parse()?),
            ["stop"] => Command::Stop,
            ["play"] => Command::Play,
            ["hide"] => Command::Hide,
            ["show"] => Command::Show,
            ["drop"] => Command::Drop,
            ["stats"] => Command::Stats,
            ["quit"] => Command::Quit,
            _ => bail!("'{line}' is no command; one is: size 320x180 at 40,60"),
        })
    }
}

impl Rectangle {
    /// The middle of a window, with an eighth of it free on each side.
    pub(crate) fn inside((width, height): (i32, i32)) -> Rectangle {
        Rectangle {
            x: width / 8,
            y: height / 8,
            width: width - width / 4,
            height: height - height / 4,
        }
    }

    fn parse(size: &str, place: &str) -> Result<Rectangle> {
        let (width, height) = pair(size, 'x').context("a size is like 320x180")?;
        let (x, y) = pair(place, ',').context("a place is like 40,60")?;
        ensure!(width > 0 && height > 0, "{size} has no pixels");
        Ok(Rectangle {
            x,
            y,
            width,
            height,
        })
    }
}

impl FromStr for Color {
    type Err = Error;

    fn from_str(text: &str) -> Result<Color> {
        let number = u32::from_str_radix(text, 16).ok();
        let number = number.filter(|_| text.len() == 6);
        number
            .map(Color)
            .with_context(|| format!("'{text}' is no colour; one is: 204060"))
    }
}

fn pair(text: &str, between: char) -> Option<(i32, i32)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}
