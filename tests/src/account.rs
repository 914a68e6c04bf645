//! The `stats` of one element, all of one moment.

use std::time::Instant;

use gst::prelude::*;

use crate::player::{PATIENCE, Player};
use crate::wait;

/// What an element says of itself.
#[derive(Debug, Clone)]
pub struct Account(gst::Structure);

impl Account {
    /// The account of the element with that `name=`.
    #[track_caller]
    pub fn of(player: &Player, name: &str) -> Account {
        Account(player.element(name).property("stats"))
    }

    /// Waits until the element with that `name=` has counted so many; panics with the error on the bus if it never does.
    #[track_caller]
    pub fn wait(player: &Player, name: &str, counter: &str, count: u64) -> Account {
        let started = Instant::now();
        let waited =
            wait::until_counted(PATIENCE, count, || match player.pending_failure(started) {
                Some(failure) => Err(failure),
                None => Ok(Account::of(player, name).count(counter)),
            });
        if let Err(failure) = &waited {
            panic!("{failure:#?}");
        }
        let account = Account::of(player, name);
        assert!(
            account.count(counter) >= count,
            "`{counter}` of {name} did not come to {count}, and stood still for {PATIENCE:?}: {account:?}"
        );
        account
    }

    /// One counter, whatever its integer type.
    #[track_caller]
    pub fn count(&self, counter: &str) -> u64 {
        let value = self.value(counter).transform::<u64>();
        let value = value.unwrap_or_else(|_error| panic!("`{counter}` is no number in {}", self.0));
        value.get().expect("just transformed")
    }

    /// Several counters.
    #[track_caller]
    pub fn counts<const N: usize>(&self, counters: [&str; N]) -> [u64; N] {
        counters.map(|counter| self.count(counter))
    }

    /// One text, such as `negotiation`.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let value = self.value(field).get::<String>();
        value.unwrap_or_else(|_error| panic!("`{field}` is no text in {}", self.0))
    }

    /// One structure, such as `copy-reasons`.
    #[track_caller]
    pub fn structure(&self, field: &str) -> gst::Structure {
        let value = self.value(field).get::<gst::Structure>();
        value.unwrap_or_else(|_error| panic!("`{field}` is no structure in {}", self.0))
    }

    #[track_caller]
    fn value(&self, field: &str) -> &gst::glib::SendValue {
        let value = self.0.value(field);
        value.unwrap_or_else(|_missing| panic!("no `{field}` in {}", self.0))
    }
}
