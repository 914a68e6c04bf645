#!/bin/bash
# The first process of the guest, started by the kernel from the share `job`, mounted at /mnt. The root is the system root, read-only.
set -u
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"; }

if [ "${1-}" != pivoted ]; then
    # All writes go to memory, over the system root.
    mount -t tmpfs tmpfs /srv
    mkdir /srv/upper /srv/work /srv/root
    mount -t overlay -o lowerdir=/,upperdir=/srv/upper,workdir=/srv/work overlay /srv/root
    cd /srv/root || exit 1
    mkdir old out
    mount -t tmpfs tmpfs run
    mkdir run/dmaheap run/user
    mount --move /mnt run/dmaheap
    pivot_root . old
    exec chroot . /bin/bash /run/dmaheap/init.sh pivoted < /dev/null
fi

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user
mount -t devtmpfs devtmpfs /dev
exec > /dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
umount --lazy /old
rmdir /old
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t configfs configfs /sys/kernel/config
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
chmod 700 /run/user

job=/run/dmaheap
for name in /sys/class/virtio-ports/*/name; do
    [ "$(< "$name")" != dmaheap.output ] || port=/dev/$(basename "$(dirname "$name")")
done
finish() {
    sync
    printf '\0dmaheap %s %s\0' "$(< $job/nonce)" "$*" > "$port"
    # The host ends the machine when it has read the marker.
    while :; do sleep 1000; done
}
fails() { finish setup-failed "$*: $(cat /run/setup-errors)"; }
try() { "$@" 2> /run/setup-errors || fails "$*"; }

workspace=$(< $job/workspace)
try mkdir -p "$workspace" /lib/modules
try share modules /lib/modules ro,cache=loose
try share workspace "$workspace" ro,cache=loose
try share out /out cache=mmap
while read -r line || [ -n "$line" ]; do
    # Parameters are words of the line.
    # shellcheck disable=SC2086
    try modprobe $line
done < $job/modules
bash -e $job/setup 2> /run/setup-errors || fails "the machine's set-up lines"

mapfile -d '' environment < $job/environment
mapfile -d '' arguments < $job/arguments
for variable in "${environment[@]}"; do export "${variable?}"; done
if [ -n "${GST_REGISTRY-}" ]; then
    cp "$GST_REGISTRY" /run/gst-registry.bin
    export GST_REGISTRY=/run/gst-registry.bin
fi
cd "$(< $job/directory)" || fails "the directory $(< $job/directory)"
"${arguments[@]}" < /dev/null > "$port" 2>&1
finish exit $?
