#!/bin/bash
# base-image.sh TREE FILES VARIANT: turns TREE, a fresh Debian tree, into the root of a bootc-like base image, with FILES
# laid over it and the initramfs built in. Runs in a mount namespace of its own.
set -euo pipefail
tree=$1 files=$2 variant=$3
cp -a --no-preserve=ownership "$files/." "$tree/"
chmod 0440 "$tree/etc/sudoers.d/lab"

chroot "$tree" useradd --uid 1000 --user-group --no-create-home --home-dir /var/home/lab --shell /bin/bash lab
chroot "$tree" passwd --quiet --delete root
chroot "$tree" passwd --quiet --delete lab
: >"$tree/etc/machine-id" # as base images ship it: each machine gets its own
echo lab >"$tree/etc/hostname"
rm -f "$tree/etc/resolv.conf"
printf 'nameserver 10.0.2.3\n' >"$tree/etc/resolv.conf"

# Irrelevant to what the lab proves, and slow where every instruction is emulated.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer getty@tty1.service getty-static.service ldconfig.service systemd-hwdb-update.service \
  systemd-journal-catalog-update.service systemd-update-done.service systemd-pstore.service systemd-binfmt.service \
  proc-sys-fs-binfmt_misc.automount systemd-sysext.socket systemd-sysinstall.socket systemd-hibernate-clear.service \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  sys-kernel-config.mount modprobe@.service systemd-modules-load.service systemd-udev-load-credentials.service \
  kmod-static-nodes.service systemd-tmpfiles-setup-dev-early.service systemd-tmpfiles-setup-dev.service \
  systemd-random-seed.service systemd-logind.service systemd-logind-varlink.socket; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
mkdir "$tree/etc/systemd/system-generators"
for generator in factory-reset gpt-auto hibernate-resume run ssh; do
  ln -s /dev/null "$tree/etc/systemd/system-generators/systemd-$generator-generator"
done
for link in "$tree"/etc/systemd/system/*.wants/*; do
  [ ! -L "$tree/etc/systemd/system/${link##*/}" ] || rm "$link"
done

# Debian's own idea of /home and /srv, which are links here (rpm-ostree drops this file too).
rm -f "$tree/usr/lib/tmpfiles.d/home.conf"

kernel=$(ls "$tree/usr/lib/modules")
[ -e "$tree/usr/lib/modules/$kernel/vmlinuz" ] || cp "$tree/boot/vmlinuz-$kernel" "$tree/usr/lib/modules/$kernel/vmlinuz"
for directory in proc sys dev; do mount --bind "/$directory" "$tree/$directory"; done
chroot "$tree" systemd-hwdb update --usr
chroot "$tree" dracut --quiet --no-hostonly --reproducible --force --kver "$kernel" "/usr/lib/modules/$kernel/initramfs.img"
for directory in proc sys dev; do umount "$tree/$directory"; done
chmod 0600 "$tree/usr/lib/modules/$kernel/initramfs.img"

# As on Fedora Atomic: the policy's modules lie beside it, because an image has no /var; and what is a link to /var has the
# labels that it has elsewhere (rpm-ostree's src/libpriv/rpmostree-postprocess.cxx, selinux-policy's file_contexts.subs_dist).
if [ "$variant" = selinux ]; then
  printf 'store-root=/etc/selinux\n' >>"$tree/etc/selinux/semanage.conf"
  mv "$tree"/var/lib/selinux/default/{active,semanage.*.LOCK} "$tree/etc/selinux/default/"
  # As Fedora's policy has it without being asked: systemd-tmpfiles makes directories in /var of any type.
  printf 'systemd_tmpfiles_manage_all=1\n' >"$tree/etc/selinux/default/active/booleans.local"
  cp "$files/usr/share/lab/lab.cil" "$tree/lab.cil"
  chroot "$tree" semodule --noreload --install /lab.cil
  rm "$tree/lab.cil"
  # Where ostree has the image's /etc.
  printf '%s\n' '/usr/etc /etc' '/usr/etc/systemd/system /usr/lib/systemd/system' \
    >>"$tree/etc/selinux/default/contexts/files/file_contexts.subs_dist"
  for link in home:home roothome:root usrlocal:usr/local opt:opt mnt:mnt srv:srv; do
    printf '/var/%s /%s\n' "${link%%:*}" "${link#*:}"
  done >>"$tree/etc/selinux/default/contexts/files/file_contexts.subs_dist"
  # The lab's root shell is what an administrator's is who has logged in.
  mkdir "$tree/usr/lib/systemd/system/lab-control.service.d"
  printf '[Service]\nExecStart=\nExecStart=/usr/libexec/lab/logged-in /usr/libexec/lab/control\n' \
    >"$tree/usr/lib/systemd/system/lab-control.service.d/selinux.conf"
fi

# The layout of an ostree image; /etc stays where a container has it.
mkdir -p "$tree/var/home" "$tree/var/usrlocal" "$tree/sysroot"
mv "$tree/root" "$tree/var/roothome"
rm -rf "${tree:?}"/{boot,home,srv,opt,mnt,media,usr/local,vmlinuz*,initrd.img*,run,tmp}
mkdir -p "$tree/boot" "$tree/run" "$tree/var/opt" "$tree/var/srv" "$tree/var/mnt"
mkdir -m 1777 "$tree/tmp"
for link in home:var/home root:var/roothome srv:var/srv opt:var/opt mnt:var/mnt media:run/media \
  ostree:sysroot/ostree usr/local:../var/usrlocal; do
  ln -s "${link#*:}" "$tree/${link%%:*}"
done
rm -rf "$tree"/var/{cache,lib/apt,log}/* "$tree/usr/share/doc" "$tree/usr/share/man"
