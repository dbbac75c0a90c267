#!/bin/bash
# Runs bash in its own root: the image's files on top of this machine's, with all changes in memory. Must be called in
# its own mount namespace. The root has no Nix except what the script makes.
#   machine.sh IMAGE SCRIPT
set -eu
memory=$1.memory
mkdir "$memory"
mount -t tmpfs -o size=256m,mode=0755 tmpfs "$memory"
mkdir "$memory/work" "$memory/root"
cp -a "$1" "$memory/changes"
mount -t overlay -o "lowerdir=/,upperdir=$memory/changes,workdir=$memory/work" overlay "$memory/root"
root=$memory/root
mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/tmp"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" \
    /bin/bash --norc -euc "$2"
