#!/bin/bash
# composefs-deploy.sh SYSROOT [BOOTED]: deploys the image `lab` of the repository SYSROOT/composefs as bootc's
# composefs-native backend does it (crates/lib/src/bootc_composefs: state.rs, finalize.rs): an /etc of its own in
# state/deploy/DIGEST, the /var of all in state/os/default, a boot entry that boots before the others. With BOOTED, the
# digest of the deployment that is booted, what was changed in /etc is taken over. Needs a mount namespace of its own.
# cfsctl lies beside it; the lab runs both on the host and, for an update, in the guest.
set -euo pipefail
sysroot=$1 booted=${2:-}
repository=$sysroot/composefs
cfsctl() { "${BASH_SOURCE[0]%/*}/cfsctl" --repo "$repository" "$@"; }

entries=$sysroot/boot/loader/entries
mkdir -p "$entries"
version=$(($(find "$entries" -type f -exec sed -n 's/^version //p' {} + | sort -n | tail -n 1) + 1))
cfsctl oci prepare-boot lab --bootdir "$sysroot/boot" --entry-id "lab-$version" \
  --cmdline root=/dev/vda --cmdline rw --cmdline console=ttyS0
entry=$entries/lab-$version.conf
sed -i "s/^version .*/version $version/" "$entry"
digest=$(sed -n 's/^options.* composefs=?*\([0-9a-f]*\).*/\1/p' "$entry")
state=$sysroot/state/deploy/$digest

work=$(mktemp -d /tmp/composefs-deploy.XXXXXX)
mkdir "$work/new" "$work/booted"
cfsctl mount "$digest" "$work/new"
rm -rf "${state:?}/etc" "${state:?}/var"
mkdir "$state/etc"
cp -a "$work/new/etc/." "$state/etc/"
rm -f "$state/etc/.updated"
ln -s ../../os/default/var "$state/var"
if [ ! -e "$sysroot/state/os/default/var" ]; then
  mkdir -p "$sysroot/state/os/default/var"
  cp -a "$work/new/var/." "$sysroot/state/os/default/var/"
fi
umount "$work/new"

# Of /etc: what is only in the image that is booted was removed here, all other differences were made here.
if [ -n "$booted" ]; then
  cfsctl mount "$booted" "$work/booted"
  while IFS= read -r line; do
    case $line in
    'Only in '*)
      path=${line#Only in }
      path=${path%%: *}/${path#*: }
      ;;
    *) path=$(sed -E 's/^(Files|Symbolic links|File) (\S+) .*/\2/' <<<"$line") ;;
    esac
    path=${path#"$work/booted"}
    rm -rf "${state:?}$path"
    if [ -e "$path" ] || [ -L "$path" ]; then
      mkdir -p "$(dirname "$state$path")"
      cp -a "$path" "$state$path"
    fi
  done < <(diff --recursive --brief --no-dereference "$work/booted/etc" /etc)
  umount "$work/booted"
fi
rm -r "$work"
