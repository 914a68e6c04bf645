//! QEMU's command line.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::guest::job::{Job, JobDirectory};
use crate::guest::run::Guest;
use crate::host::{namespace, workspace};

/// How init comes up: the kernel passes what follows `--` to the first process, so the system root needs no file of ours.
const BOOT: &str = "init=/bin/sh -- -c \"mount -t 9p -o trans=virtio,version=9p2000.L job /mnt && exec /bin/bash /mnt/init.sh\"";

/// The command that runs `job`; the guest's output port is its stdout.
pub(crate) fn command(job: &Job<'_>, directory: &JobDirectory, guest: &Guest<'_>) -> Command {
    let machine = job.machine;
    // As root of a namespace QEMU sees the owners of files as they are in the guest.
    let mut command = namespace::private("qemu-system-x86_64");
    command.args(guest.accel.arguments());
    command.args([
        "-machine",
        "q35",
        "-m",
        &machine.memory,
        "-smp",
        &machine.cpus.to_string(),
    ]);
    command.args([
        "-display",
        "none",
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-monitor",
        "none",
    ]);
    command
        .arg("-kernel")
        .arg(guest.kernel.image())
        .args(["-append", &kernel_line(&machine.kernel_args)]);
    command
        .arg("-serial")
        .arg(format!("file:{}", escape(&directory.console())));
    command.args(["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]);
    command.args([
        "-chardev",
        "stdio,id=output,signal=off",
        "-device",
        "virtserialport,chardev=output,name=dmaheap.output",
    ]);
    command.args(share("root", &guest.sysroot.root(), ",readonly=on"));
    command.args(share("modules", &guest.modules.path(), ",readonly=on"));
    command.args(share("workspace", workspace::root(), ",readonly=on"));
    command.args(share("job", directory.path(), ",readonly=on"));
    command.args(share("out", &workspace::out(), ""));
    // Sockets that these name belong to this workspace.
    command
        .args(&machine.qemu_args)
        .current_dir(workspace::vm());
    // At the end of its stdin QEMU would close the port in both directions, and the guest's writes would wait for ever.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn kernel_line(extra: &[String]) -> String {
    let root = "root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=512000,cache=loose ro";
    // Warnings belong on the console, for the report; a panic ends the machine.
    // On a busy host the timer check at boot times out and panics.
    let console = "console=ttyS0 loglevel=6 panic=-1 no_timer_check";
    format!("{root} {console} {} {BOOT}", extra.join(" "))
}

fn share(tag: &str, path: &Path, options: &str) -> [String; 2] {
    let path = escape(path);
    [
        "-virtfs".to_owned(),
        format!("local,path={path},mount_tag={tag},security_model=none,multidevs=remap{options}"),
    ]
}

/// QEMU's option syntax ends a value at a comma, unless it is doubled.
fn escape(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_are_doubled() {
        let [_, value] = share("out", Path::new("/a,b/out"), "");
        assert!(
            value.starts_with("local,path=/a,,b/out,mount_tag=out,"),
            "{value}"
        );
    }

    #[test]
    fn arguments_of_the_machine_stand_before_those_of_init() {
        let line = kernel_line(&["cma=16M".to_owned()]);
        assert!(line.find("cma=16M").unwrap() < line.find(" -- ").unwrap());
    }
}
