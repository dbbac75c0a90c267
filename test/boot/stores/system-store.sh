# shellcheck shell=bash
# What core/system-store.test.ts does after a first boot. The caller defines `package_older` and `package_newer`, which put
# the Nix of a distribution into the root.
# shellcheck source=test/boot/stores/real-nix.sh
. /usr/local/lib/real-nix.sh
keep=/usr/libexec/bluebuild/nix/keep-database

# NAME [older|newer]: the machine boots that image, whose distribution has an older or a newer Nix.
update_to() {
    rm -f /usr/bin/nix /usr/bin/nix-*
    cp -a "/images/$1/." /
    if [ $# -gt 1 ]; then "package_$2"; fi
    { "$install" 2>&1 || echo "exit code $?"; } |
        grep -v -e '^Moved to' -e ^install -e ^uninstall -e ^building -e ^remov
}

show_default_profile() {
    echo "in the profile: $(nix-env --profile "$profile" --query | sort | xargs)"
}

show_first_boot() {
    verify
    ls -A "$state"
    cat "$state/installed"
    readlink "$state/daemon"
    ls "$profile" 2>&1 || :
    ls /etc/nix 2>&1 || :
    grep 'systemctl start' /run/asked
    "$install"
    ls "$state/databases" 2>&1 || :
}

native_system_and_back() {
    install_program mine
    update_to system newer
    show_default_profile
    "$profile/bin/mine"
    ls "$state/follows"
    verify
    install_program later
    update_to native
    show_default_profile
    "$profile/bin/mine"
    "$profile/bin/later"
    verify
    update_to system newer
    show_default_profile
    "$profile/bin/later"
    verify
}

installer_after_system() {
    install_program mine
    # As an installer of this module leaves it.
    sed -i s/native/determinate/ "$state/installed"
    rm -r "$state/follows"
    update_to system newer
    update_to determinate
    PATH=$profile/bin:$PATH
    show_default_profile
    "$profile/bin/mine"
    update_to system newer
    show_default_profile
    update_to determinate
    install_program later
}

take_over_nix_profile() {
    nix=$(readlink -f "$profile/bin/nix")
    use_nix_profile "${nix%/bin/nix}"
    update_to system newer
    "$profile/bin/mine"
    verify
    list_nix_profile
}

another_nix() {
    install_program mine
    update_to system newer
    cat "$state/database-used-by"
    ls "$state/databases"
    "$keep"
    install_program later
    # The schema of a Nix to come.
    printf 11 >/nix/var/nix/db/schema
    update_to system older
    ls "$state/databases"
    echo restored:
    "$keep" restore
    ls "$state/databases"
    "$profile/bin/mine"
    "$profile/bin/later"
    "$install"
    verify
    cat /nix/var/nix/db/schema
}
