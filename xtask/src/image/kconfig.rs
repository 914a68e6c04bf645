//! The kernel's configuration fragment, and the check that every line of it took effect.
//!
//! `olddefconfig` drops an option without a word when a dependency is missing, and the loss shows much later as a missing device.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

/// The lines that the test kernel must have.
#[derive(Debug)]
pub(crate) struct Fragment {
    wanted: BTreeMap<String, String>,
    optional: BTreeSet<String>,
}

impl Fragment {
    /// Parses `CONFIG_X=y` lines and `# optional CONFIG_X` remarks.
    pub(crate) fn parse(text: &str) -> Self {
        let optional = text
            .lines()
            .filter_map(|line| line.strip_prefix("# optional "))
            .filter_map(|rest| rest.split_whitespace().next());
        Self {
            wanted: assignments(text),
            optional: optional.map(str::to_owned).collect(),
        }
    }

    /// The lines alone, in a fixed order: two fragments with the same canonical text make the same kernel.
    pub(crate) fn canonical(&self) -> String {
        let line = |(name, value): (&String, &String)| [name, "=", value, "\n"].concat();
        self.wanted.iter().map(line).collect()
    }

    /// Fails with the list of lines that `config`, the text of a `.config`, does not have.
    pub(crate) fn check(&self, config: &str) -> Result<()> {
        let actual = assignments(config);
        let got = |name: &str| actual.get(name).map_or("n", String::as_str);
        let lost: Vec<String> = self
            .wanted
            .iter()
            .filter(|(name, value)| got(name) != value.as_str() && !self.optional.contains(*name))
            .map(|(name, value)| format!("  {name}={value} (got {})", got(name)))
            .collect();
        if !lost.is_empty() {
            bail!(
                "the kernel's configuration lost {} lines of xtask/kernel.config:\n{}\nAdd what they depend on, \
                 or mark one that this version does not have with `# optional CONFIG_X`",
                lost.len(),
                lost.join("\n")
            );
        }
        Ok(())
    }
}

fn assignments(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
    pairs
        .filter(|(name, _)| name.starts_with("CONFIG_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "# words\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=n\nCONFIG_D=128\n# optional CONFIG_E (new in 7.1)\nCONFIG_E=y\n";

    #[test]
    fn a_configuration_with_every_line_passes() {
        let config =
            "CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=128\nCONFIG_OTHER=y\n";
        Fragment::parse(FRAGMENT).check(config).unwrap();
    }

    #[test]
    fn every_lost_line_is_named() {
        let error = Fragment::parse(FRAGMENT)
            .check("CONFIG_A=m\nCONFIG_C=y\nCONFIG_D=128\n")
            .unwrap_err()
            .to_string();
        for line in [
            "3 lines",
            "CONFIG_A=y (got m)",
            "CONFIG_B=m (got n)",
            "CONFIG_C=n (got y)",
        ] {
            assert!(error.contains(line), "{error}");
        }
        assert!(!error.contains("CONFIG_E"), "{error}");
    }

    #[test]
    fn remarks_and_order_make_no_other_kernel() {
        let canonical = |text: &str| Fragment::parse(text).canonical();
        assert_eq!(
            canonical("# b\nCONFIG_B=m\nCONFIG_A=y\n"),
            "CONFIG_A=y\nCONFIG_B=m\n"
        );
        assert_ne!(canonical("CONFIG_A=y\n"), canonical("CONFIG_A=m\n"));
    }

    #[test]
    fn no_option_is_asked_for_twice() {
        let text = include_str!("../../kernel.config");
        let lines = text
            .lines()
            .filter(|line| line.starts_with("CONFIG_"))
            .count();
        assert_eq!(Fragment::parse(text).wanted.len(), lines);
    }
}
