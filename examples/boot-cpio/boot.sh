#!/usr/bin/env bash
# Boots an OCI image: converts it to a cpio archive with the example plugin sink-cpio, gives that to Debian's cloud
# kernel as its initramfs in qemu, and waits for the line that a shell of the image prints.
#
#   boot.sh IMAGE        for example: boot.sh ./debian     (an OCI layout with /bin/sh and mount)
#
# Needs: this repository, installed and built; apt-get install -y qemu-system-x86
# Environment: OCIRENDER_CACHE  where the kernel is kept   (default: /var/cache/ocirender)
#              OCIRENDER_ACCEL  kvm or tcg                 (default: kvm where it works, else tcg)
set -euo pipefail
image=${1:?usage: boot.sh IMAGE}
here=$(cd "$(dirname "$0")" && pwd)
kernel=${OCIRENDER_CACHE:-/var/cache/ocirender}/linux-cloud/vmlinuz
work=$(mktemp -d /var/tmp/boot-cpio.XXXXXX)
qemu=
stop() { if [ -n "$qemu" ]; then kill "$qemu" 2>/dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT

# The kernel: one file of Debian's package, which is not installed.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
  [ -n "$package" ] && (cd "$work" && apt-get download -qq "$package" 2>"$work/apt.log")
}
if [ ! -f "$kernel" ]; then
  # The list of packages may be missing, or older than the archive.
  fetch_kernel || { apt-get update -qq && fetch_kernel; } || { cat "$work/apt.log" >&2; exit 1; }
  dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*'
  mkdir -p "$(dirname "$kernel")"
  mv "$work"/boot/vmlinuz-* "$kernel"
fi

# The initramfs. The plugin is linked into a data directory of its own: the user's plugins stay as they are.
ocirender() { OCIRENDER_DATA_DIR=$work/data node "$here/../../apps/cli/bin/run.js" "$@"; }
ocirender plugins link "$here/../sink-cpio" >/dev/null 2>&1
ocirender convert "$image" --sink cpio -O init=/bin/sh -o "$work/initramfs.cpio" --progress none

# What follows "--" are the arguments of /init. The kernel takes the quotes away.
# shellcheck disable=SC2016 # the shell in the machine expands it
command='echo $0: this is $(uname -s); mount -t proc proc /proc; echo o > /proc/sysrq-trigger; sleep 60'
append="console=ttyS0 quiet panic=-1 -- -c \"$command\" ocirender-boot"
# The archive, what is unpacked from it (at most half of the memory), and the kernel.
mebibytes=$((256 + 3 * $(stat -c %s "$work/initramfs.cpio") / 1048576))

# boot ACCELERATOR SECONDS: whether the line comes
boot() {
  local log=$work/console.$1 deadline=$((SECONDS + $2))
  qemu-system-x86_64 -accel "$1" -m "$mebibytes" -kernel "$kernel" -initrd "$work/initramfs.cpio" -append "$append" \
    -nodefaults -no-reboot -display none -serial "file:$log" -monitor none </dev/null >"$log.qemu" 2>&1 &
  qemu=$!
  # A virtual machine within one may offer a /dev/kvm that stops at the first instruction that it cannot emulate.
  while [ $SECONDS -lt $deadline ] && kill -0 "$qemu" 2>/dev/null && ! grep -aq 'emulation failure' "$log.qemu"; do
    sleep 0.2
  done
  stop
  wait "$qemu" 2>/dev/null || true
  qemu=
  grep -a '^ocirender-boot: ' "$log" || { tail -n 20 "$log" "$log.qemu" >"$work/failed" 2>&1; return 1; }
}

accelerator=${OCIRENDER_ACCEL:-}
if [ -z "$accelerator" ] && [ -w /dev/kvm ]; then
  boot kvm 10 && exit
fi
boot "${accelerator:-tcg}" 150 && exit
cat "$work/failed" >&2
exit 1
