//! Machine variants, from `tests/machines.toml`.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::host::workspace;

/// One variant of the guest: memory, processors, modules and what else makes it special.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    pub(crate) name: String,
    /// Memory as QEMU writes it, such as "2G".
    #[serde(default = "default_memory")]
    pub(crate) memory: String,
    #[serde(default = "default_cpus")]
    pub(crate) cpus: u8,
    /// Arguments of modprobe, in the order of loading, which decides device numbers.
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    #[serde(default)]
    pub(crate) kernel_args: Vec<String>,
    #[serde(default)]
    pub(crate) qemu_args: Vec<String>,
    /// Shell lines that run after the modules are loaded; one that fails ends the run.
    #[serde(default)]
    pub(crate) setup: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MachineFile {
    machine: Vec<Machine>,
}

impl Machine {
    /// The variant `name`, or an error that lists all of them.
    pub(crate) fn load(name: &str) -> Result<Self> {
        let path = workspace::root().join("tests/machines.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let machines = parse(&text)
            .with_context(|| format!("{} does not describe machines", path.display()))?;
        let names = machines
            .iter()
            .map(|machine| machine.name.clone())
            .collect::<Vec<_>>()
            .join(", ");
        match machines.into_iter().find(|machine| machine.name == name) {
            Some(machine) => Ok(machine),
            None => bail!(
                "no machine is named `{name}`; {} has {names}",
                path.display()
            ),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Machine>> {
    let file: MachineFile = toml::from_str(text)?;
    for (index, machine) in file.machine.iter().enumerate() {
        if file.machine[..index]
            .iter()
            .any(|other| other.name == machine.name)
        {
            bail!("the name `{}` is used twice", machine.name);
        }
    }
    Ok(file.machine)
}

fn default_memory() -> String {
    "2G".to_owned()
}

fn default_cpus() -> u8 {
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_of_this_repository_are_well_formed() {
        for name in [
            "default",
            "contiguous",
            "hdmi",
            "errors",
            "two-displays",
            "small-cma",
            "cameras",
            "high-memory",
            "bare",
        ] {
            Machine::load(name).unwrap();
        }
        assert_eq!(
            Machine::load("default").unwrap().modules[0],
            "vivid n_devs=1 no_error_inj=1"
        );
        assert!(Machine::load("bare").unwrap().modules.is_empty());
    }

    #[test]
    fn an_unknown_machine_is_an_error_that_lists_the_known_ones() {
        let error = Machine::load("defualt").unwrap_err().to_string();
        assert!(
            error.contains("defualt") && error.contains("default, "),
            "{error}"
        );
    }

    #[test]
    fn spelling_mistakes_and_double_names_are_refused() {
        assert!(parse("[[machine]]\nname = \"a\"\nmodule = []\n").is_err());
        assert!(parse("[[machine]]\nname = \"a\"\n[[machine]]\nname = \"a\"\n").is_err());
        let machine = &parse("[[machine]]\nname = \"a\"\n").unwrap()[0];
        assert_eq!((machine.memory.as_str(), machine.cpus), ("2G", 2));
    }
}
