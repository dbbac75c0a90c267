# shellcheck shell=sh
# What nix-install does where a vendor's nix-installer lays Nix down.

product=Nix
download_name=installer
embedded_file=$program/nix-installer
sockets='nix-daemon.socket determinate-nixd.socket'

lay_down() {
    status "Installing Nix with $provider's nix-installer $version into $persistence"
    # At once, where the installer would call useradd and gpasswd 32 times each.
    make_users
    set -- install ostree --no-confirm --persistence "$persistence" --extra-conf "$share/nix.conf"
    while IFS= read -r argument; do
        set -- "$@" "$argument"
    done <"$share/installer-args"
    "$file" "$@" </dev/null 9>&-
    if ! is_complete_store; then
        clear_attempt
        fail never 'The installer ended well and left no Nix behind: one of its arguments in the recipe may be why.' \
            "Its own messages stand above; the arguments are in $share/installer-args"
    fi
    hand_over
}

take_over_etc() {
    # On the disk before its unit is moved away: an adoption that was cut off has no other sign of it.
    if grep -q determinate-nixd "$etc_units/nix-daemon.service" 2>/dev/null; then
        : >"$state/determinate-nixd"
        sync --file-system "$state"
    fi
    for_each_etc_unit set_aside
    systemctl daemon-reload
    complete_etc
    rm -rf "$state/etc-nix"
    cp -a /etc/nix "$state/etc-nix"
}

go_on() {
    complete_etc
    start_daemon
    if grep -qx provider=native "$state/installed"; then
        fail never "The store in $persistence belongs to \`installer: native\`: $provider's nix-installer is not run, and its Nix goes on." \
            "Write \`installer: native\` in the recipe of the image; or, to begin anew, remove $persistence and reboot."
    fi
}

repair() {
    fail never "Only an image with \`installer: native\` can lay its own Nix down again." \
        'What a substituter has is repaired by: nix-store --verify --check-contents --repair'
}

# An older deployment, or a new one made from it, may have an /etc that never saw this store.
complete_etc() {
    make_users
    if [ ! -d /etc/nix ]; then
        rm -rf /etc/nix.new
        if [ -d "$state/etc-nix" ]; then
            cp -a "$state/etc-nix" /etc/nix.new
        else
            mkdir /etc/nix.new
            cp "$share/nix.conf" /etc/nix.new/nix.conf
        fi
        mv /etc/nix.new /etc/nix
    fi
    if [ -d /etc/profile.d ] && [ ! -e /etc/profile.d/nix.sh ]; then cp "$share/profile.sh" /etc/profile.d/nix.sh; fi
    if [ -d /etc/fish/conf.d ] && [ ! -e /etc/fish/conf.d/nix.fish ]; then
        cp "$share/profile.fish" /etc/fish/conf.d/nix.fish
    fi
}
