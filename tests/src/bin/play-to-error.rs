//! Plays a pipeline until it fails and writes the error as an application gets it, as one line of JSON.
//!
//! `gst-launch-1.0` prints texts only; the domain and code of an error, which programs act on, it keeps to itself.

#![expect(clippy::print_stdout, reason = "its output is its product")]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use dmaheap_tests::failing::Account;
use dmaheap_tests::player::Player;
use gst::glib;

fn main() -> Result<ExitCode> {
    let description = std::env::args()
        .nth(1)
        .context("usage: play-to-error PIPELINE")?;
    let account = match Player::try_launch(&description) {
        Ok(player) => played(&player),
        Err(error) => account(&error, error.message().to_owned(), Duration::ZERO),
    };
    println!("{}", serde_json::to_string(&account)?);
    Ok(ExitCode::FAILURE)
}

fn played(player: &Player) -> Account {
    let failure = player.play_to_failure();
    let text = format!("{}\n{}", failure.text(), player.warnings().join("\n"));
    account(&failure.error, text, failure.elapsed)
}

fn account(error: &glib::Error, text: String, elapsed: Duration) -> Account {
    Account {
        domain: error.domain().as_str().to_string(),
        code: error.code(),
        text,
        milliseconds: elapsed.as_millis(),
    }
}
