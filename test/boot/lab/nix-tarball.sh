#!/bin/bash
# nix-tarball.sh TREE SUITE OUT: a real Nix in the shape of the official binary tarball
# (nix-VERSION-x86_64-linux/{.reginfo,store/…}), made from TREE, where Debian's nix-bin, nix-setup-systemd and
# ca-certificates with their libraries lie unpacked. Writes OUT/nix-VERSION-x86_64-linux.tar.xz.
# The Nix is one self-contained store path, patched to run from /nix/store.
set -euo pipefail
tree=$1 suite=$2 out=$3
libraries=$tree/usr/lib/x86_64-linux-gnu
loader=$tree/usr/lib64/ld-linux-x86-64.so.2
nix() { "$loader" --library-path "$libraries" --argv0 "$1" "$tree/usr/bin/nix" "${@:2}"; }

version=$(nix nix --version | sed -n 's/^nix (Nix) \([0-9.]*\).*/\1/p')
top=$out/nix-$version-x86_64-linux
store_name() { # Nix's base 32 has no e, o, t or u
  printf '%s-%s' "$(printf 'debian %s %s' "$suite" "$1" | sha256sum | head -c 32 | tr e x)" "$1"
}

name=$(store_name "nix-$version")
path=/nix/store/$name directory=$top/store/$name
mkdir -p "$directory"/{bin,lib/systemd/system,lib/tmpfiles.d,etc/profile.d,share}
cp -a "$tree/usr/bin/nix" "$directory/bin/nix"
for command in build channel collect-garbage copy-closure daemon env hash instantiate prefetch-url shell store; do
  ln -s nix "$directory/bin/nix-$command"
done
"$loader" --library-path "$libraries" --list "$tree/usr/bin/nix" | awk '/=>/ { print $3 }' | sort -u |
  while read -r library; do cp -L "$library" "$directory/lib/"; done
cp -L "$loader" "$directory/lib/"
patchelf --set-interpreter "$path/lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$path/lib" "$directory/bin/nix"
for library in "$directory"/lib/*.so*; do
  case $library in *ld-linux*) ;; *) patchelf --force-rpath --set-rpath "$path/lib" "$library" ;; esac
done
# Upstream's profile scripts and units lie in Debian's packages, with Debian's paths and its own group in the units.
cp "$tree"/usr/share/doc/nix-bin/examples/nix-daemon.{sh,fish} "$directory/etc/profile.d/"
cp "$tree"/usr/share/doc/nix-bin/examples/nix.{sh,fish} "$directory/etc/profile.d/"
for unit in service socket; do
  sed 's|@/usr/bin/nix-daemon|@/nix/var/nix/profiles/default/bin/nix-daemon|' \
    "$tree/usr/lib/systemd/system/nix-daemon.$unit" >"$directory/lib/systemd/system/nix-daemon.$unit"
done
printf 'd /nix/var/nix/daemon-socket 0755 root root - -\n' >"$directory/lib/tmpfiles.d/nix-daemon.conf"

certificates=$(store_name "nss-cacert-0.debian-$suite")
mkdir -p "$top/store/$certificates/etc/ssl/certs"
cat "$tree"/usr/share/ca-certificates/mozilla/*.crt >"$top/store/$certificates/etc/ssl/certs/ca-bundle.crt"

chmod -R a-w "$top"/store/*
find "$top" -exec touch -h -d @1 {} +
for object in "$name" "$certificates"; do
  hash=$(nix nix-store --dump "$top/store/$object" | sha256sum | cut -d ' ' -f 1)
  size=$(nix nix-store --dump "$top/store/$object" | wc -c)
  printf '/nix/store/%s\n%s\n%s\n\n' "$object" "$hash" "$size"
  if [ "$object" = "$name" ]; then printf '1\n%s\n' "$path"; else printf '0\n'; fi
done >"$top/.reginfo"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1 -C "$out" -cf - "nix-$version-x86_64-linux" |
  xz -T0 -6 >"$out/nix-$version-x86_64-linux.tar.xz"
chmod -R u+w "$top"
rm -rf "$top"
