#!/usr/bin/env bash
# base.sh OUT.tar: makes a Debian tree with what builds and units need from a bootc base image (a systemd as new as
# Fedora's, bash, curl, jq) and with the layout of an ostree image. Needs mmdebstrap, debian-archive-keyring and root.
set -euo pipefail
out=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# The machine's own Debian mirror. Its copy of a rolling suite can be past the suite's Valid-Until date.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep '/debian/$' | head -n 1)
mmdebstrap --quiet --variant=minbase --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
  --include=systemd,systemd-sysv,dbus,curl,jq,ca-certificates,e2fsprogs,libatomic1,libstdc++6 \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  forky "$tree" "$mirror"

cd "$tree"
# An image has no /var. Fedora's images keep their package database in /usr/lib/sysimage.
mkdir -p usr/lib/sysimage
mv var/lib/dpkg usr/lib/sysimage/dpkg
rm -rf home root opt mnt srv media usr/local dev/* var/* etc/resolv.conf
mkdir -p usr/lib/systemd/system/{local-fs,multi-user}.target.wants
for link in home:var/home root:var/roothome srv:var/srv opt:var/opt mnt:var/mnt media:run/media usr/local:../var/usrlocal; do
  ln -s "${link#*:}" "${link%%:*}"
done
# If these files are missing, buildah creates them in the layer of the first RUN.
printf '127.0.0.1 localhost\n' >etc/hosts
: >etc/resolv.conf
echo base >etc/hostname
tar --sort=name --numeric-owner -cf "$out" .
