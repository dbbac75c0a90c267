#!/bin/bash
# composefs-deploy.sh SYSROOT: deploys the image `lab` of the repository SYSROOT/composefs as bootc's composefs-native backend
# does it (crates/lib/src/bootc_composefs/state.rs): an /etc of its own in state/deploy/DIGEST, the /var of all in
# state/os/default, a boot entry. Needs a mount namespace of its own. cfsctl lies beside it.
set -euo pipefail
sysroot=$1
repository=$sysroot/composefs
cfsctl() { "${BASH_SOURCE[0]%/*}/cfsctl" --repo "$repository" "$@"; }

cfsctl oci prepare-boot lab --bootdir "$sysroot/boot" --entry-id lab \
  --cmdline root=/dev/vda --cmdline rw --cmdline console=ttyS0
entry=$sysroot/boot/loader/entries/lab.conf
sed -i 's/^version .*/version 1/' "$entry"
digest=$(sed -n 's/^options.* composefs=?*\([0-9a-f]*\).*/\1/p' "$entry")
state=$sysroot/state/deploy/$digest

work=$(mktemp -d /tmp/composefs-deploy.XXXXXX)
mkdir "$work/new"
cfsctl mount "$digest" "$work/new"
rm -rf "${state:?}/etc" "${state:?}/var"
mkdir "$state/etc"
cp -a "$work/new/etc/." "$state/etc/"
rm -f "$state/etc/.updated"
ln -s ../../os/default/var "$state/var"
mkdir -p "$sysroot/state/os/default/var"
cp -a "$work/new/var/." "$sysroot/state/os/default/var/"
umount "$work/new"
rm -r "$work"
