#!/bin/bash
# nix-tarball.sh NIX VERSION OUT: a tarball with the exact layout of Nix's own
# (nix-VERSION-x86_64-linux/{.reginfo,store/…}), whose Nix is the stand-in NIX. Writes OUT/nix-VERSION.tar.
set -euo pipefail
nix=$1 version=$2 out=$3
top=$out/nix-$version-x86_64-linux

# Prints the path of a package in the store, which does not exist yet.
package() {
    printf '%s' "$top/store/$(printf '%s' "$1" | sha256sum | cut -c 1-32)-$1"
}

certificates=$(package "nss-cacert-${version#*.}")
mkdir -p "$certificates/etc/ssl/certs"
printf 'certificates\n' >"$certificates/etc/ssl/certs/ca-bundle.crt"

library=$(package "stand-in-library-$version")
mkdir -p "$library/lib"
printf 'library\n' >"$library/lib/library"

program=$(package "nix-$version")
mkdir -p "$program"/{bin,etc/profile.d,lib/systemd/system,lib/tmpfiles.d}
cp "$nix" "$program/bin/nix"
chmod 0755 "$program/bin/nix"
for name in daemon env hash store; do ln -s nix "$program/bin/nix-$name"; done
printf '# Nix %s\n' "$version" >"$program/etc/profile.d/nix-daemon.sh"
printf 'd /nix/var/nix/daemon-socket 0755 root root - -\n' >"$program/lib/tmpfiles.d/nix-daemon.conf"
printf '[Unit]\nRequiresMountsFor=/nix/store\n[Service]\nExecStart=/nix/var/nix/profiles/default/bin/nix-daemon --daemon\n' \
    >"$program/lib/systemd/system/nix-daemon.service"
printf '[Unit]\nRequiresMountsFor=/nix/store\nConditionPathIsReadWrite=/nix/var/nix/daemon-socket\n[Socket]\nListenStream=/nix/var/nix/daemon-socket/socket\n' \
    >"$program/lib/systemd/system/nix-daemon.socket"

for path in "$certificates" "$library" "$program"; do
    # A list of its files, so that a daemon can tell quickly whether all of them are there.
    names=$(find "$path" -type f -printf '%P\n' | sort)
    printf '%s\n' "$names" >"$path/files"
    chmod -R a-w "$path"
    find "$path" -exec touch --no-dereference --date=@1 {} +
    digest=$(tar --create --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --mode=a-w --file=- -C "$path" . |
        sha256sum | cut -d ' ' -f 1)
    printf '/nix/store/%s\n%s\n1\n\n' "${path##*/}" "$digest"
    if [ "$path" = "$program" ]; then
        printf '2\n/nix/store/%s\n/nix/store/%s\n' "${path##*/}" "${library##*/}"
    else
        printf '0\n'
    fi
done >"$top/.reginfo"
tar --create --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --file="$out/nix-$version.tar" -C "$out" "${top##*/}"
chmod -R u+w "$top"
rm -rf "$top"
