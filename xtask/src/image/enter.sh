#!/bin/sh
# enter.sh MOUNT_POINT ROOT CARGO_HOME BIND... -- COMMAND...
#
# Runs a command in the system root ROOT, with CARGO_HOME and other host directories bound at their own paths.
# Runs in a private mount namespace. What the command writes outside the bound directories goes to memory: ROOT stays as it was built.
set -eu
mount_point=$1
root=$2
cargo_home=$3
shift 2

mount -t tmpfs -o mode=755 tmpfs "$mount_point"
cd "$mount_point"
mkdir lower upper work root
mount --bind "$root" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root

for directory in /dev /proc /sys; do
    mount --rbind "$directory" "root$directory"
done
mount -t tmpfs -o mode=1777 tmpfs root/tmp
while [ "$1" != -- ]; do
    mkdir -p "root$1"
    mount --rbind "$1" "root$1"
    shift
done
shift
# cargo prefers the programs there, and those are rustup's, which are of no use without rustup's own directory.
[ ! -d "root$cargo_home/bin" ] || mount -t tmpfs tmpfs "root$cargo_home/bin"
exec chroot root "$@"
