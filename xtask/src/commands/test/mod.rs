//! `cargo xtask test`: everything that must hold, from the format of the source to pictures on a display.

mod batch;
mod checks;
mod guest;
mod install;
pub(crate) mod libtest;
mod result;
pub(crate) mod suite;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::commands::setup::Images;
use crate::commands::test::suite::Suite;
use crate::commands::test::tally::Tally;

/// The name under which `--suite` finds what needs no guest.
const CHECKS: &str = "checks";

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The full counts of restarts and of long runs
    #[arg(long)]
    soak: bool,
    /// Only guest tests whose `TARGET::NAME` contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Only this suite of tests/suites.toml, or `checks`: everything that needs no guest
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
}

/// Runs the tests, prints the ten slowest and the totals.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let suites = selected(Suite::load()?, arguments)?;
    let images = Images::obtain()?;
    let mut tally = Tally::default();
    if arguments.filter.is_none() && arguments.suite.as_deref().is_none_or(|name| name == CHECKS) {
        checks::run(&images.sysroot, &mut tally)?;
    }
    if !suites.is_empty() {
        guest::run(
            &images,
            &suites,
            arguments.filter.as_deref(),
            arguments.soak,
            &mut tally,
        )?;
    }
    println!("\n{images}\ntime       {} s\n", started.elapsed().as_secs());
    print!("{tally}");
    Ok(if tally.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn selected(mut suites: Vec<Suite>, arguments: &Arguments) -> Result<Vec<Suite>> {
    let Some(name) = &arguments.suite else {
        return Ok(suites);
    };
    let names = suites
        .iter()
        .map(|suite| suite.name.clone())
        .collect::<Vec<_>>()
        .join(", ");
    suites.retain(|suite| suite.name == *name);
    if suites.is_empty() && name != CHECKS {
        bail!(
            "no suite is named `{name}`; tests/suites.toml has {names}, and `{CHECKS}` needs no guest"
        );
    }
    Ok(suites)
}
