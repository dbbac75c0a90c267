#!/bin/bash
# Runs nix-label in its own root: this machine's files, with all changes in memory, and stand-ins for programs that need
# a kernel with SELinux. Must be called in its own mount namespace.
#   nix-label.sh FILES MEMORY SCRIPT    SCRIPT: bash that runs in that root and can call the program as `nix-label`
set -eu
files=$1 memory=$2 script=$3

mount -t tmpfs -o mode=0755 tmpfs "$memory"
mkdir "$memory/changes" "$memory/work" "$memory/root"
mount -t overlay -o "lowerdir=/,upperdir=$memory/changes,workdir=$memory/work" overlay "$memory/root"
root=$memory/root
rm -rf "${root:?}/nix" "$root/run" "$root/sys" "$root/usr/etc"
mkdir -p "$root/sys/fs/selinux" "$root/proc" "$root/dev" "$root/run" "$root/etc/selinux/targeted/contexts/files" \
    "$root/nix/store" "$root/nix/var/bluebuild-nix" "$root/nix/var/nix/profiles" "$root/usr/local/sbin"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
: >"$root/sys/fs/selinux/enforce"
echo SELINUXTYPE=targeted >"$root/etc/selinux/config"
echo /nix/store/ >"$root/etc/selinux/targeted/contexts/files/file_contexts"
cp -r "$files/usr/." "$root/usr/"
chmod 0755 "$root/usr/libexec/bluebuild/nix/nix-label"
ln -s /usr/libexec/bluebuild/nix/nix-label "$root/usr/local/sbin/nix-label"
cp "$(dirname "$0")"/stand-ins/* "$root/usr/local/sbin/"

exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/bash -eu -c "$script"
