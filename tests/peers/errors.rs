//! Bad input is a clear error: one table of what goes wrong, what a program gets, what a person reads, and that nothing stays.

use dmaheap_tests::command::{Run, Running};
use dmaheap_tests::failing::{self, Account, Environment};
use dmaheap_tests::machine::Machine;
use dmaheap_tests::misuse::{self, Case, DRAWN, RESOURCE};
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, vkms, wait};
use std::time::Duration;

/// What an emulated machine may take for what a person would call at once.
const SOON: Duration = Duration::from_secs(5);

fn check(case: &Case) -> Result<(), String> {
    let before = Machine::now();
    let account = failing::play_to_error(&case.pipeline, case.environment)
        .map_err(|why| format!("{}: {why}", case.name))?;
    let launched = case
        .environment
        .wrap(Run::pipeline(&case.pipeline).limit(Duration::from_secs(20)))
        .finish();
    let Account {
        domain,
        code,
        text,
        milliseconds,
    } = account;
    note(format!(
        "{}: {domain} {code} after {milliseconds} ms: {text}",
        case.name
    ));
    let mut complaints = Vec::new();
    if (domain.as_str(), code) != (case.domain, case.code) {
        complaints.push(format!(
            "{domain} {code} instead of {} {}",
            case.domain, case.code
        ));
    }
    for name in case.names {
        if !name.split('|').any(|name| text.contains(name)) {
            complaints.push(format!("the text does not name {name}"));
        }
    }
    if milliseconds > SOON.as_millis() {
        complaints.push(format!("it took {milliseconds} ms"));
    }
    if launched.timed_out || launched.status.code().is_none_or(|code| code == 0) {
        complaints.push(format!("gst-launch-1.0: {}", launched.describe()));
    }
    if let Err(now) = before.wait_restored() {
        complaints.push(format!("left behind: {before:?} → {now:?}"));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}\n{text}", case.name, complaints.join("; ")))
}

#[test]
fn bad_input_is_a_clear_error_and_leaves_nothing_behind() {
    let failures: Vec<String> = misuse::cases()
        .iter()
        .filter_map(|case| check(case).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases\n{}",
        failures.len(),
        misuse::cases().len(),
        failures.join("\n\n")
    );
}

/// `kmssink` in a process of its own, once it shows something.
fn other_master() -> Running {
    let before = vkms::card().framebuffers().len();
    let other = Run::pipeline(&format!("{DRAWN} ! kmssink driver-name=vkms")).start();
    let is_lit = || (vkms::card().framebuffers().len() > before).then_some(());
    assert!(
        wait::until(Duration::from_secs(20), is_lit).is_some(),
        "kmssink shows nothing: {}",
        other.output()
    );
    other
}

#[test]
fn a_display_that_another_program_owns_is_named_together_with_the_reason() {
    let other = other_master();
    let account = failing::play_to_error(
        &format!("{DRAWN} ! dmaheapkmssink driver-name=vkms"),
        Environment::AsItIs,
    )
    .unwrap_or_else(|why| panic!("{why}"));
    note(format!("{account:?}"));
    assert_eq!(account.domain, RESOURCE);
    for name in ["/dev/dri/card0", "master"] {
        assert!(
            account.text.contains(name),
            "{name} is missing in {}",
            account.text
        );
    }
    assert!(
        account.milliseconds <= SOON.as_millis(),
        "{} ms",
        account.milliseconds
    );
    other.interrupt();
    let outcome = other.finish();
    assert!(
        !outcome.timed_out,
        "the other program goes on undisturbed and ends when told: {}",
        outcome.describe()
    );
}

#[test]
fn after_an_error_the_same_pipeline_plays_once_the_cause_is_gone() {
    let vivid = Vivid::find();
    let other = other_master();
    let caps = "video/x-raw,format=NV12,width=640,height=360";
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    let player = Player::launch(&format!("{source} ! dmaheapkmssink driver-name=vkms"));
    let failure = player.play_to_failure();
    assert!(failure.text().contains("master"), "{failure:?}");
    player.stop();
    other.interrupt();
    let _outcome = other.finish();
    player.play();
    player.wait_frames(5);
}
