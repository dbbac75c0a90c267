#!/bin/bash
# A dracut module: puts transient-root.service into every initramfs that is built from this image, whoever builds it.
# It does nothing in an initramfs without ostree or bootc, as kdump's: no unit there pulls it in.

check() {
    return 0
}

depends() {
    return 0
}

# shellcheck disable=SC2154 # dracut sets moddir, initdir and systemdsystemunitdir
install() {
    local unit puller file units=/usr/share/bluebuild/nix/transient-root drop_in=50-transient-root-label.conf
    inst_multiple sh cp umount
    for file in transient-root transient-root-mounts; do
        inst_simple "$moddir/$file" "/usr/libexec/bluebuild/nix/$file"
    done
    for file in transient-root-label.service "service.d/$drop_in"; do
        inst_simple "$moddir/booted/$file" "$units/$file"
    done
    mkdir -p "$initdir$units/mount.d" "$initdir$units/transient-root-label.service.d"
    # One of the same name comes before: that service does not wait for itself.
    : >"$initdir$units/transient-root-label.service.d/$drop_in"
    ln -sf "../service.d/$drop_in" "$initdir$units/mount.d/$drop_in"
    for unit in transient-root.service transient-root-units.service; do
        inst_simple "$moddir/$unit" "$systemdsystemunitdir/$unit"
        # What mounts the root: ostree's, bootc's (composefs-native backend), and the name that bootc's had in composefs-rs.
        for puller in ostree-prepare-root.service bootc-root-setup.service composefs-setup-root.service; do
            mkdir -p "$initdir$systemdsystemunitdir/$puller.wants"
            ln -sf "../$unit" "$initdir$systemdsystemunitdir/$puller.wants/$unit"
        done
    done
    mkdir -p "$initdir/etc/ostree" "$initdir/etc/composefs" "$initdir/usr/lib/composefs"
    # systemd makes /usr of an initramfs read-only (ProtectSystem=auto), and bootc reads its configuration there alone.
    local native=/usr/lib/composefs/setup-root-conf.toml
    if [[ -f ${dracutsysrootdir-}$native ]]; then
        cp "${dracutsysrootdir-}$native" "$initdir/etc/composefs/setup-root-conf.toml"
    else
        : >"$initdir/etc/composefs/setup-root-conf.toml"
    fi
    ln -sf ../../../etc/composefs/setup-root-conf.toml "$initdir$native"
}
