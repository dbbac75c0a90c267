#!/bin/bash
# image-to-composefs-disk.sh CFSCTL IMAGE OUT SIZE: pulls IMAGE, a reference that skopeo takes, into a composefs repository,
# deploys it and writes OUT/disk.img, an ext4 disk of SIZE. Runs in a mount namespace of its own.
# The repository is without fs-verity, which the kernel of this machine may lack.
set -euo pipefail
cfsctl=$1 image=$2 out=$3 size=$4
sysroot=$out/sysroot
mkdir -p "$sysroot/lab"
cp "$cfsctl" "${BASH_SOURCE[0]%/*}/composefs-deploy.sh" "$sysroot/lab/"
"$cfsctl" --repo "$sysroot/composefs" init --insecure --erofs-version 2 >&2
# Not from containers-storage at once: what cfsctl asks of skopeo for that, Debian 12's cannot do.
skopeo copy --quiet "$image" "oci:$out/layout:lab" >&2
"$cfsctl" --repo "$sysroot/composefs" oci pull "oci:$out/layout:lab" lab >&2
rm -r "$out/layout"
bash "$sysroot/lab/composefs-deploy.sh" "$sysroot" >&2
truncate -s "$size" "$out/disk.img"
mkfs.ext4 -q -O verity -E lazy_itable_init=0,lazy_journal_init=0,nodiscard -N 200000 -d "$sysroot" "$out/disk.img"
rm -rf "$sysroot"
