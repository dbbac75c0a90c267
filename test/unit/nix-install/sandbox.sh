#!/bin/bash
# Runs the first-boot program in its own root: the image's files on top of this machine's, with all changes in memory.
# Must be called in its own mount namespace.
#   sandbox.sh SHELL IMAGE OUT SIZE    IMAGE: the baked image; OUT: has `before` and `after`, gets the results
set -eu
shell=$1 image=$2 out=$3 size=$4

memory=$out/memory
mkdir "$memory"
mount -t tmpfs -o "size=$size,mode=0755" tmpfs "$memory"
mkdir "$memory/work" "$memory/root"
cp -a "$image" "$memory/changes"
mount -t overlay -o "lowerdir=/,upperdir=$memory/changes,workdir=$memory/work" overlay "$memory/root"
root=$memory/root
rm -rf "$root/var/lib/nix" "$root/var/home/nix" "$root/var/lib/bluebuild-nix" "$root/usr/etc"
if [ ! -e "$image/etc/nix" ]; then rm -rf "$root/etc/nix"; fi
# ostree keeps the image's own /etc in /usr/etc.
mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/tmp" "$root/usr/etc/systemd"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -e "$out/images" ]; then
    mkdir "$root/images"
    mount --bind "$out/images" "$root/images"
fi

# The environment of nix-install.service.
mapfile -t telemetry < <(grep -v '^#' "$image/usr/lib/environment.d/60-nix-telemetry.conf")
run() {
    env -i HOME=/root NO_COLOR=1 "${telemetry[@]}" CACHE_DIRECTORY=/var/cache/bluebuild-nix \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"
}
run /bin/bash --norc -eu -c "$(cat "$out/before")"
code=0
run "/bin/$shell" /usr/libexec/bluebuild/nix/nix-install >"$out/stdout" 2>"$out/stderr" || code=$?
printf '%s' "$code" >"$out/code"
run /bin/bash --norc -eu -c "$(cat "$out/after")" >"$out/found"
