#!/bin/bash
# plain.sh JSON FILES ROOT: bakes what the module bakes for this entry, as a plain script would, for the bench to
# compare with. Checks only the digest, nothing else in the configuration, and undoes nothing.
set -euo pipefail
json=$1 files=$2 root=$3 share=/usr/share/bluebuild/nix libexec=/usr/libexec/bluebuild/nix units=/usr/lib/systemd/system

value() { jq -r "$1" <<<"$json"; }
version=$(value .installer.version) url=$(value .installer.url) sha256=$(value .installer.sha256)
persistence=$(value '.persistence // "/var/lib/nix"')
source=${url#file://}
source=${source//\{arch\}/$(uname -m)}

echo "$sha256  $source" | sha256sum --check --quiet
mkdir -p "$root/nix"
for part in mount-point first-boot daemon installer command desktop karg telemetry-off telemetry-off-daemon; do
    cp -r --no-preserve=ownership "$files/$part/." "$root/"
done
sed -i "s|^What=.*|What=$persistence|" "$root$units/nix.mount"
chmod 0755 "$root$libexec"/*
link() {
  mkdir -p "$root$units/$1.wants"
  ln -sfn "../$2" "$root$units/$1.wants/$2"
}
link local-fs.target nix.mount
link sysinit.target nix-users.service
link multi-user.target nix-install.service
link sockets.target nix-daemon.socket
link sockets.target determinate-nixd.socket
mkdir -p "$root/usr/bin"
for name in '' -build -channel -collect-garbage -copy-closure -daemon -env -hash -instantiate -prefetch-url -shell -store; do
    ln -sfn "/nix/var/nix/profiles/default/bin/nix$name" "$root/usr/bin/nix$name"
done
mkdir -p "$root/usr/lib/tmpfiles.d" "$root$share"
echo "d $persistence 0755 root root - -" >"$root/usr/lib/tmpfiles.d/nix.conf"
install -m 0755 "$source" "$root$libexec/nix-installer"
{
  printf 'provider=determinate\nversion=%s\npersistence=%s\nembedded=true\nurl=\n' "$version" "$persistence"
  printf 'sha256=%s\nminimum-free-mebibytes=1024\n' "$sha256"
} >"$root$share/install.conf"
: >"$root$share/installer-args"
jq -r '{"experimental-features": ["nix-command", "flakes"]} + (."nix-conf" // {}) | to_entries[]
  | "\(.key) = \(.value | if type == "array" then join(" ") else . end)"' <<<"$json" >"$root$share/nix.conf"
jq . <<<"$json" >"$root$share/configuration.yml"

# The manifest: each file with its digest; the installer's digest is already known.
cd "$root"
{
  find etc/determinate usr/bin/bluebuild-nix usr/lib/sddm usr/lib/systemd/user-environment-generators usr/lib/environment.d usr/lib/bluebuild usr/lib/bootc usr/lib/tmpfiles.d/nix.conf usr/libexec/bluebuild usr/share/bluebuild \
    -type f ! -name nix-installer ! -name manifest.json -exec sha256sum {} +
  find usr/lib/systemd/system -path '*nix*' -type f -exec sha256sum {} +
  printf '%s  %s\n' "$sha256" usr/libexec/bluebuild/nix/nix-installer
} | jq -Rn --argjson entry "$json" '{entry: $entry, files: ([inputs | split("  ") | {("/" + .[1]): {sha256: .[0]}}] | add)}' \
  >"$root$share/manifest.json"
find nix usr/lib/bluebuild usr/libexec/bluebuild usr/share/bluebuild usr/lib/bootc usr/lib/systemd/system/*nix* -exec touch -h -d @0 {} +
echo "baked into $root"
