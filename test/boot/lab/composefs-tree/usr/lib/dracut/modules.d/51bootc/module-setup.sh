#!/bin/bash
# As bootc's dracut module of this name: only where it is asked for.

installkernel() {
    instmods erofs overlay
}

check() {
    return 255
}

# shellcheck disable=SC2154 # dracut sets initdir and systemdsystemunitdir
install() {
    inst_multiple /usr/lib/bootc/initramfs-setup composefs-setup-root sh cat findmnt grep mkdir mount tail umount
    inst_simple "$systemdsystemunitdir/bootc-root-setup.service"
    mkdir -p "$initdir$systemdsystemunitdir/initrd-root-fs.target.wants"
    ln -sf ../bootc-root-setup.service "$initdir$systemdsystemunitdir/initrd-root-fs.target.wants/"
    if [ -e /usr/lib/composefs/setup-root-conf.toml ]; then inst_simple /usr/lib/composefs/setup-root-conf.toml; fi
}
