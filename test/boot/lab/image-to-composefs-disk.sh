#!/bin/bash
# image-to-composefs-disk.sh CFSCTL BASE IMAGE OUT SIZE: pulls IMAGE, which skopeo takes, into a composefs repository,
# deploys it as bootc's composefs-native backend does (bootc-dev/bootc, crates/lib/src/bootc_composefs/state.rs: an /etc of its
# own in state/deploy/DIGEST, the /var of all in state/os/default, a boot entry) and writes OUT/disk.img, an ext4 disk of SIZE.
# BASE is the lab's base tree, for a program that labels. Runs in a mount namespace of its own.
# The repository is without fs-verity, which the kernel of this machine may lack.
set -euo pipefail
program=$1 base=$2 image=$3 out=$4 size=$5
sysroot=$out/sysroot boot=$out/sysroot/boot
cfsctl() { "$program" --repo "$sysroot/composefs" "$@"; }

mkdir "$sysroot"
cfsctl init --insecure --erofs-version 2 >&2
# Not from containers-storage at once: what cfsctl asks of skopeo for that, Debian 12's cannot do.
skopeo copy --quiet "$image" "oci:$out/layout:lab" >&2
cfsctl oci pull "oci:$out/layout:lab" lab >&2
rm -r "$out/layout"
cfsctl oci prepare-boot lab --bootdir "$boot" --entry-id lab \
  --cmdline root=/dev/vda --cmdline rw --cmdline console=ttyS0 >&2

# bootc names an entry after its deployment.
digest=$(sed -n 's/^options.* composefs=?*\([0-9a-f]*\).*/\1/p' "$boot/loader/entries/lab.conf")
mv "$boot/lab" "$boot/$digest"
sed -e 's/^version .*/version 1/' -e "s|/lab/|/$digest/|" "$boot/loader/entries/lab.conf" >"$boot/loader/entries/$digest.conf"
rm "$boot/loader/entries/lab.conf"

state=$sysroot/state/deploy/$digest
mkdir -p "$state" "$sysroot/state/os/default" "$out/root"
cfsctl mount "$digest" "$out/root"
rm -rf "${state:?}/etc" "${state:?}/var"
cp -a "$out/root/etc" "$state/etc"
rm -f "$state/etc/.updated"
cp -a "$out/root/var" "$sysroot/state/os/default/var"
ln -s ../../os/default/var "$state/var"
# What lies beside the deployments has the label that its directory gets when a system is installed; the objects, of which
# the kernel shows the files of the root, those of /usr (crates/lib/src/install.rs there).
if [ -e "$out/root/etc/selinux/config" ]; then
  mount -t tmpfs tmpfs "$base/tmp" # the base itself stays as it is
  mkdir "$base/tmp/sysroot"
  mount --bind "$sysroot" "$base/tmp/sysroot"
  # shellcheck disable=SC2016 # expanded inside
  chroot "$base" bash -euc '
    label() { xargs -0 setfattr -h -n security.selinux -v "system_u:object_r:$1:s0"; }
    cd /tmp/sysroot
    find . \( -path "./state/deploy/*/etc" -o -path ./state/os/default/var \) -prune -o -print0 | label root_t
    find boot -print0 | label boot_t
    find composefs -print0 | label usr_t'
fi
umount "$out/root"
rmdir "$out/root"
truncate -s "$size" "$out/disk.img"
mkfs.ext4 -q -O verity -E lazy_itable_init=0,lazy_journal_init=0,nodiscard -N 200000 -d "$sysroot" "$out/disk.img"
rm -rf "$sysroot"
