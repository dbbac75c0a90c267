# shellcheck shell=sh
# Nix as a vendor's nix-installer installs it.

# shellcheck disable=SC2034 # for bluebuild-nix
nix_program=/nix/var/nix/profiles/default/bin/nix wanted="$provider's nix-installer $version"
product=Nix
download_name=installer
embedded_file=$program/nix-installer
sockets='nix-daemon.socket determinate-nixd.socket'

# An installer stops at a nix.conf that says something else, such as one from before a factory reset.
nix_conf_files='/etc/nix/nix.conf /etc/nix/nix.custom.conf'
prepare_etc() {
    # shellcheck disable=SC2086 # names
    ensure_unmasked $installer_units
    for conf in $nix_conf_files; do
        if [ -e "$conf" ] && ! in_image cmp -s "$conf" ".$conf"; then
            mv -f --backup=numbered -- "$conf" "$conf.old"
            printf 'Renamed %s to %s.old: the installer writes its own.\n' "$conf" "$conf"
        fi
    done
}

# After an attempt that failed: what prepare_etc left is the image's own.
restore_nix_conf() {
    for conf in $nix_conf_files; do copy_of_image "$conf" "$conf"; done
}

# The users are there already: the installer would call useradd and gpasswd 32 times each.
install_nix() {
    status "Installing Nix with $provider's nix-installer $version into $directory"
    set -- install ostree --no-confirm --persistence "$directory" --extra-conf "$share/nix.conf"
    while IFS= read -r argument; do
        set -- "$@" "$argument"
    done <"$share/installer-args"
    code=0
    "$file" "$@" </dev/null 9>&- || code=$?
    if [ "$code" -ne 0 ]; then
        restore_nix_conf
        exit "$code"
    fi
    if ! is_complete_store; then
        restore_nix_conf
        clear_attempt
        fail never 'The installer exited successfully but installed nothing; an argument in the recipe may be the reason.' \
            "See its output above; the arguments are in $share/installer-args"
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

resume_existing() {
    if [ -e "$state/determinate-nixd" ] && [ ! -x "$determinate_nixd" ]; then
        printf '<4>%s is missing: Nix runs its own daemon instead.\n' "$determinate_nixd"
        systemctl stop determinate-nixd.socket nix-daemon.service 2>/dev/null || :
        rm -f "$state/determinate-nixd"
    fi
    bring_back_nix
    owner=$(sed -n 's/^provider=//p' "$state/installed")
    if ! is_complete_store; then
        if [ "$owner" = system ]; then
            fail never "The store in $directory belongs to \`installer: system\` and has no Nix of its own, and $provider's nix-installer is not run." \
                "An image with \`installer: system\` or \`native\` has Nix and keeps all packages; or, to start over, delete $directory and reboot."
        fi
        fail never "The store in $directory has lost Nix itself (/nix/var/nix/profiles/default)." \
            "An image with \`installer: native\` puts it back and keeps all packages; or delete $directory and reboot to start over."
    fi
    complete_etc
    start_daemon
    case $owner in
    native | system)
        fail never "The store in $directory belongs to \`installer: $owner\`: the existing Nix keeps working, and $provider's nix-installer is not run." \
            "Write \`installer: $owner\` in the recipe of the image; or, to start over, delete $directory and reboot."
        ;;
    esac
}

# An image with `system` took over the store of this one: the Nix that it took out of the default profile goes back into it,
# where nothing else has changed there.
bring_back_nix() {
    if is_complete_store || [ ! -s "$state/profile-with-nix" ]; then return 0; fi
    with_nix=$(sed -n 1p "$state/profile-with-nix")
    without_nix=$(sed -n 2p "$state/profile-with-nix")
    profiles=/nix/var/nix/profiles
    if [ "$(readlink "$profiles/default")" = "$without_nix" ] && is_there "$profiles/$with_nix"; then
        ln -sfn "$with_nix" "$profiles/default.new"
        mv -fT "$profiles/default.new" "$profiles/default"
        rm -rf "$state/profile-with-nix" "$state/follows/system" "$state/database-used-by"
        link_daemon
    fi
}

# Where Nix itself does not start, only an image with `native` can install it again.
repair() {
    if [ ! -e "$state/installed" ]; then
        fail never "There is no Nix in $directory yet." 'See: bluebuild-nix status'
    fi
    status 'Verifying everything in the store'
    verify_store
}

# An older deployment, or a new one made from it, may have an /etc that does not know this store.
complete_etc() {
    # An image with `native` has its own nix.conf in /etc, which went with it, and an older deployment has the installer's. A
    # link, so that it is the image's again there.
    if grep -qsx provider=native "$state/installed" &&
        { [ ! -e /etc/nix/nix.conf ] || cmp -s /etc/nix/nix.conf "$state/etc-nix/nix.conf"; }; then
        mkdir -p /etc/nix
        ln -sf "$share/nix.conf" /etc/nix/nix.conf
    fi
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
    # Determinate's daemon writes it.
    if [ ! -e /etc/nix/nix.conf ] && [ ! -e "$state/determinate-nixd" ]; then
        cp "$share/nix.conf" /etc/nix/nix.conf.new
        mv -f /etc/nix/nix.conf.new /etc/nix/nix.conf
    fi
    if [ -d /etc/profile.d ] && [ ! -e /etc/profile.d/nix.sh ]; then cp "$share/profile.sh" /etc/profile.d/nix.sh; fi
    if [ -d /etc/fish/conf.d ] && [ ! -e /etc/fish/conf.d/nix.fish ]; then
        cp "$share/profile.fish" /etc/fish/conf.d/nix.fish
    fi
}
