# shellcheck shell=sh
# Nix from a package of the image: its programs are in /usr, and its own units start it. Nothing is installed here but an
# empty database; what another provider made is taken over.

nix_program=/usr/bin/nix
version=$("$nix_program" --version 2>/dev/null) || version=''
version=${version##* }
# shellcheck disable=SC2034 # for bluebuild-nix
wanted="Nix $version, a package of the distribution"
product="Nix $version"
# Nothing is downloaded.
download_name='' embedded_file=''
sockets='nix-daemon.socket'

default_profile=/nix/var/nix/profiles/default
follows=$state/follows/system
work=$state/work

# Nix's programs on the store itself, with no network and no build users: the only build that they do is that of a profile.
run_nix() {
    name=$1
    shift
    env HOME="$work" NIX_REMOTE=local NIX_USER_CONF_FILES=/dev/null "/usr/bin/$name" "$@" \
        --option substitute false --option build-users-group '' --option sandbox false 8>&- 9>&-
}

# What tmpfiles.d of the package makes in /nix, which may have been mounted too late for it; the rest by Nix itself.
make_directories() {
    systemd-tmpfiles --create --prefix=/nix 8>&- 9>&- || :
    mkdir -p /nix/var/nix/daemon-socket
}

# Its libraries may be missing.
ensure_runs() {
    "$nix_program" --version >/dev/null ||
        fail never 'The Nix of this image does not run; see its output above.' 'Boot another image, or build it again.'
}

# An installer's, of an attempt that was interrupted, or of a store that is gone.
prepare_etc() {
    ensure_runs
    for unit in $installer_units; do
        if has_etc_unit "$unit"; then
            for_each_etc_unit rm -f --
            systemctl daemon-reload
            break
        fi
    done
}

install_nix() {
    status "Making an empty store in $directory for $product"
    env HOME=/root NIX_REMOTE=local /usr/bin/nix-store --init 8>&- 9>&-
    make_directories
    printf '%s\n' "$version" >"$state/database-used-by"
    mkdir -p "${follows%/*}"
    : >"$follows"
    mark installed
    rm -f "$state/installing"
}

# Whether a package of a profile brings Nix or its certificates.
is_of_nix() {
    is_there "$1/bin/nix-env" || is_there "$1/etc/ssl/certs/ca-bundle.crt"
}

# Takes another provider's Nix out of the default profile, where it would come before that of the image; the rest stays as
# it is. Made beside it, and put in its place in one step.
clear_default_profile() {
    if [ ! -e "$default_profile" ]; then return; fi
    rm -rf "$work"
    mkdir "$work"
    beside=$work/profile
    run_nix nix-env --profile "$beside" --set "$(readlink -f "$default_profile")"
    set --
    if [ -e "$default_profile/manifest.json" ]; then
        paths=$(grep -o '/nix/store/[^"/]*' "$default_profile/manifest.json" | sort -u)
        for path in $paths; do
            if is_of_nix "$path"; then set -- "$@" "$path"; fi
        done
        if [ $# -gt 0 ]; then
            run_nix nix --extra-experimental-features 'nix-command flakes' profile remove --profile "$beside" "$@"
        fi
    else
        for path in $(run_nix nix-env --profile "$beside" --query --installed --out-path --no-name); do
            # One that has more outputs than this: out=PATH;NAME=PATH
            path=${path%%;*}
            path=${path#out=}
            if is_of_nix "$path"; then set -- "$@" "$path"; fi
        done
        if [ $# -gt 0 ]; then run_nix nix-env --profile "$beside" --uninstall "$@"; fi
    fi
    if [ $# -gt 0 ]; then
        with_nix=$(readlink "$default_profile")
        run_nix nix-env --profile "$default_profile" --set "$(readlink -f "$beside")"
        # For an image that has no Nix in /usr, if it comes back and the profile is still this one.
        printf '%s\n' "$with_nix" "$(readlink "$default_profile")" >"$state/profile-with-nix"
    fi
    rm -rf "$work"
}

resume_existing() {
    ensure_runs
    # Its first use of a database that another Nix had.
    if ! "$program/keep-database" 8>&- 9>&-; then
        fail never "$product, that of this image, cannot use the store in $directory; see above." \
            'Boot the image that you had before.'
    fi
    if ! grep -qx provider=system "$state/installed"; then
        status "Taking over the store from \`installer: $(sed -n 's/^provider=//p' "$state/installed")\`"
        hand_over
    fi
    make_directories
    if [ ! -e /etc/nix/nix.conf ]; then take_back /etc/nix/nix.conf; fi
    if [ ! -e "$follows" ]; then
        clear_default_profile
        mkdir -p "${follows%/*}"
        : >"$follows"
        find "${follows%/*}" -type f ! -path "$follows" -delete
    fi
    start_daemon
}

# What an installer, or an image with `native`, put into /etc and the package has of its own.
take_over_etc() {
    rm -f "$state/determinate-nixd"
    for_each_etc_unit set_aside
    # Not where a package's Nix made the store: what was changed there, a person has changed.
    if [ -e "$state/installed" ] || [ -e /nix/receipt.json ]; then
        for path in /etc/nix/nix.conf /etc/profile.d/nix.sh /etc/fish/conf.d/nix.fish; do take_back "$path"; done
    fi
    if cmp -s /etc/nix/nix.custom.conf "$state/etc-nix/nix.custom.conf"; then set_aside /etc/nix/nix.custom.conf; fi
    systemctl daemon-reload
}

# Nix itself is of the image.
repair() {
    ensure_runs
    if [ ! -e "$state/installed" ]; then
        fail never "There is no Nix in $directory yet." 'See: bluebuild-nix status'
    fi
    status 'Verifying everything in the store'
    verify_store
}
