#!/bin/bash
# image-to-disk.sh BASE IMAGE OUT SIZE -- BUILDAH...: commits IMAGE to an ostree repository, deploys it with composefs and
# writes OUT/disk.img, an ext4 disk of SIZE. BASE is the lab's base tree, whose ostree does the work.
# Runs in a mount namespace of its own, so its mounts end with it.
set -euo pipefail
base=$1 image=$2 out=$3 size=$4
shift 5
container=$("$@" from --pull-never "$image")
trap '"$@" rm "$container" >/dev/null' EXIT
tree=$("$@" mount "$container")

# What `ostree container` leaves out of a commit, and where it wants /etc.
(cd "$tree" && rm -rf dev proc sys run tmp var boot && mkdir -m 0755 dev proc sys run var boot && mkdir -m 1777 tmp)
rm -rf "$tree/usr/etc"
mv "$tree/etc" "$tree/usr/etc"

sysroot=$out/sysroot
mkdir "$sysroot"
mount -t tmpfs tmpfs "$base/tmp" # the base itself stays as it is
mkdir "$base/tmp/out" "$base/tmp/tree"
mount --bind "$out" "$base/tmp/out"
mount --bind "$tree" "$base/tmp/tree"
mount -t proc proc "$base/proc"
# Labels for an image that has a policy, as its build gives them on Fedora.
labels=()
[ ! -e "$tree/usr/etc/selinux/config" ] || labels=(--selinux-policy=/tmp/tree)
# shellcheck disable=SC2016 # expanded inside
chroot "$base" bash -euc '
  sysroot=/tmp/out/sysroot
  ostree admin init-fs --modern "$sysroot"
  ostree --repo="$sysroot/ostree/repo" config set sysroot.bootloader none
  ostree --repo="$sysroot/ostree/repo" config set ex-integrity.composefs true
  ostree admin os-init --sysroot="$sysroot" lab
  ostree --repo="$sysroot/ostree/repo" commit -b lab --tree=dir=/tmp/tree --generate-composefs-metadata "$@"
  ostree admin deploy --sysroot="$sysroot" --os=lab --karg=root=/dev/vda --karg=rw --karg=console=ttyS0 lab
  # What lies beside the deployments has the labels that a system gets when it is installed.
  if [ $# -gt 0 ]; then
    label() { setfattr -h -n security.selinux -v "system_u:object_r:$1:s0" "${@:2}"; }
    label root_t "$sysroot" "$sysroot/ostree" "$sysroot/ostree/deploy" "$sysroot/ostree/deploy/lab"
    while read -r path; do label boot_t "$path"; done < <(find "$sysroot/boot")
  fi' bash "${labels[@]}" >&2
truncate -s "$size" "$out/disk.img"
mkfs.ext4 -q -O verity -E lazy_itable_init=0,lazy_journal_init=0,nodiscard -N 200000 -d "$sysroot" "$out/disk.img"
chattr -R -f -i "$sysroot" || true # ostree marks the roots of deployments immutable
rm -rf "$sysroot"
