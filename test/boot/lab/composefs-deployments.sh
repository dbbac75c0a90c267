#!/bin/bash
# composefs-deployments.sh update DEVICE | roll-back: does what bootc does for the next boot on its composefs-native
# backend. Runs in the guest, in a mount namespace of its own.
#   update      deploys the image of DEVICE, a disk of image-to-composefs-disk.sh, beside the booted one: what this
#               machine has changed in /etc stays changed (bootc-dev/bootc, crates/etc-merge), kernel arguments are
#               taken over, and /var is shared. Does at once what bootc does at shutdown. Removes any third deployment
#               (bootc_composefs/gc.rs).
#   roll-back   makes the other deployment the default (bootc_composefs/rollback.rs)
set -euo pipefail
mount -o remount,bind,rw /sysroot
cd /sysroot
entries=boot/loader/entries
latest() { sed -n 's/^version //p' $entries/*.conf | sort -n | tail -n 1; }

# Everything that shows that a file has changed, in lines of the path, a tab, and the rest.
facts() {
  cd "$1"
  find . -mindepth 1 ! -name .updated -printf '%P\t%y%m %U:%G %l\n'
  find . -type f ! -name .updated -exec sha256sum {} + | sed 's|^\([0-9a-f]*\)  \./\(.*\)|\2\t\1|'
}

# merge NEW CURRENT BEFORE
merge() {
  comm -3 <(facts "$3" | sort) <(facts "$2" | sort) | sed 's/^\t//' | cut -f 1 | sort -u | while read -r path; do
    if [ -d "$2/$path" ] && [ ! -L "$2/$path" ]; then
      if [ ! -d "$1/$path" ] || [ -L "$1/$path" ]; then rm -rf "${1:?}/$path"; fi
      mkdir -p "$1/$path"
      chmod --reference "$2/$path" "$1/$path"
      chown --reference "$2/$path" "$1/$path"
    else
      rm -rf "${1:?}/$path"
      if [ -e "$2/$path" ] || [ -L "$2/$path" ]; then
        mkdir -p "$(dirname "$1/$path")"
        cp -a "$2/$path" "$1/$path"
      fi
    fi
  done
}

update() {
  local booted new from=/run/lab/from image=/run/lab/image
  mkdir -p "$from" "$image"
  mount -o ro,noload "$1" "$from"
  mount --bind / "$image"
  booted=$(sed -n 's/.*composefs=?*\([0-9a-f]*\).*/\1/p' /proc/cmdline)
  new=$(basename "$from"/state/deploy/*)
  if [ "$new" = "$booted" ]; then
    echo 'this image is booted already' >&2
    return 1
  fi
  for other in state/deploy/*; do
    other=${other##*/}
    if [ "$other" != "$booted" ]; then rm -rf "state/deploy/$other" "boot/$other" "$entries/$other.conf"; fi
  done
  cp -a --update=none "$from/composefs" .
  cp -a "$from/state/deploy/$new" state/deploy/
  cp -a "$from/boot/$new" boot/
  merge "$PWD/state/deploy/$new/etc" /etc "$image/etc"
  sed -e "s/^version .*/version $(($(latest) + 1))/" -e "s|$booted|$new|" "$entries/$booted.conf" >"$entries/$new.conf"
}

roll_back() {
  local other next=$(($(latest) + 1))
  other=$(grep -Lx "version $(latest)" $entries/*.conf)
  sed -i "s/^version .*/version $next/" "$other"
}

case $1 in
update) update "$2" ;;
roll-back) roll_back ;;
esac
sync
