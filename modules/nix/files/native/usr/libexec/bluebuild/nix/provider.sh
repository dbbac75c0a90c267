# shellcheck shell=sh
# Nix from its own binary tarball. Its store paths are installed as Nix's installation script does it
# (scripts/install-multi-user.sh), at first boot into an empty store, later beside what is there: the Nix of the booted
# image is the one that runs. Nothing of a user is touched: profiles, channels, roots.

# shellcheck disable=SC2034 # for bluebuild-nix
nix_program=/nix/var/nix/profiles/default/bin/nix wanted="Nix $version"
product="Nix $version"
download_name='Nix tarball'
embedded_file=$program/nix.tar.xz
sockets='nix-daemon.socket'

store=/nix/store
default_profile=/nix/var/nix/profiles/default
# The Nix of each image that this machine has booted lately, for its daemon and for the garbage collector.
roots=/nix/var/nix/gcroots/bluebuild-nix
# On the file system of the store: what is in it goes there by a rename.
work=$state/work

# Nix's programs on the store itself, whatever the daemon and /etc/nix are like, with no network; the only build that
# they do is Nix's own, of a profile.
run_nix() {
    name=$1
    shift
    env HOME="$work" NIX_REMOTE=local NIX_CONF_DIR="$share" NIX_USER_CONF_FILES=/dev/null "$nix/bin/$name" "$@" \
        --option substitute false --option build-users-group '' --option sandbox false 8>&- 9>&-
}

newline='
'
# The registrations of some paths, which are named a line each, as .reginfo has them (nixpkgs' closureInfo): of each its
# path, its digest, its size, its deriver, how many paths it refers to, and these, a line each.
registrations_of() {
    while read -r path; do
        record=$path
        for field in digest size deriver references; do
            read -r line
            record=$record$newline$line
            if [ "$field" = references ]; then references=$line; fi
        done
        while [ "$references" -gt 0 ]; do
            read -r line
            record=$record$newline$line
            references=$((references - 1))
        done
        case "$newline$1$newline" in *"$newline$path$newline"*) printf '%s\n' "$record" ;; esac
    done <"$work/.reginfo"
}

# For a tarball whose digest is right but whose content is not.
refuse_tarball() {
    rm -rf "$work"
    if [ ! -e "$state/installed" ]; then
        clear_attempt
        rm -f "$state/installing"
    fi
    fail never "The $download_name of this image contains no $1." \
        "Nix's releases do (nix-VERSION-SYSTEM.tar.xz): correct \`url\` in the recipe, and update to the new image."
}

nix='' certificates='' path_names=''
unpack() {
    rm -rf "$work"
    mkdir "$work"
    tar --extract --file="$file" --directory="$work" --strip-components=1 --no-same-owner
    if [ ! -d "$work/store" ] || [ ! -s "$work/.reginfo" ]; then refuse_tarball 'Nix store'; fi
    path_names=''
    for candidate in "$work"/store/*; do
        path_names="$path_names ${candidate##*/}"
        path=$store/${candidate##*/}
        # Links of a package lead into /nix/store, where they may lead nowhere yet.
        case $candidate in
        *-nix-[0-9]*) if is_there "$candidate/bin/nix-daemon" && is_there "$candidate/bin/nix-env"; then nix=$path; fi ;;
        *-nss-cacert-*) if is_there "$candidate/etc/ssl/certs/ca-bundle.crt"; then certificates=$path; fi ;;
        esac
    done
    if [ -z "$nix" ]; then refuse_tarball 'Nix'; fi
    if [ -z "$certificates" ]; then refuse_tarball 'certificates (nss-cacert)'; fi
    # As the store has them (canonicalisePathMetaData): nobody may write, and all is as old as can be.
    chmod -R a-w "$work/store"
    find "$work/store" -newermt @1 -exec touch --no-dereference --date=@1 {} +
}

# Whether what is at a store path is what it should be, by the unpacked Nix, which runs only from /nix/store.
is_whole() {
    wanted=$(registrations_of "$store/$1" | sed -n 2p)
    # As Nix writes digests: sha256-BASE64, sha256:BASE32 (releases have this), or BASE16.
    case $wanted in
    sha256-*) form=--sri ;;
    sha256:*) form=--base32 ;;
    *) form=--base16 ;;
    esac
    mkdir -p "$work/present"
    # shellcheck disable=SC2016 # expanded inside
    actual=$(unshare --mount --propagation private sh -euc \
        'mount --bind "$2" "$1/present"; mount --bind "$1/store" "$2"
        exec env HOME="$1" NIX_CONF_DIR="$3" "$4/bin/nix-hash" --type sha256 "$5" "$1/present/$6"' \
        sh "$work" "$store" "$share" "$nix" "$form" "$1" 8>&- 9>&-)
    [ "$actual" = "${wanted#sha256:}" ]
}

# Moves in what is not there, and what is there and damaged; all that needs the unpacked Nix comes before the first move.
move_in() {
    mkdir -p "$store"
    missing='' damaged=''
    for path_name in $path_names; do
        if is_there "$store/$path_name"; then
            if ! is_whole "$path_name"; then damaged="$damaged $path_name"; fi
        else
            missing="$missing $path_name"
        fi
    done
    mkdir "$work/damaged"
    for path_name in $damaged; do
        printf 'Replacing a damaged path: %s\n' "$store/$path_name"
        mv -T -- "$store/$path_name" "$work/damaged/$path_name"
        mv -T -- "$work/store/$path_name" "$store/$path_name"
    done
    for path_name in $missing; do mv -T -- "$work/store/$path_name" "$store/$path_name"; done
}

# What is valid already keeps its signatures.
register() {
    set --
    for path_name in $path_names; do set -- "$@" "$store/$path_name"; done
    invalid=$(run_nix nix-store --check-validity --print-invalid "$@")
    if [ -n "$invalid" ]; then registrations_of "$invalid" | run_nix nix-store --load-db; fi
}

make_root() {
    rm -rf "$roots/$sha256.new"
    mkdir -p "$roots/$sha256.new"
    ln -s "$nix" "$roots/$sha256.new/nix"
    ln -s "$certificates" "$roots/$sha256.new/certificates"
    rm -rf "${roots:?}/$sha256"
    mv -T "$roots/$sha256.new" "$roots/$sha256"
}

has_root() {
    [ -x "$roots/$sha256/nix/bin/nix-daemon" ] && [ -e "$roots/$sha256/certificates" ]
}

# Whether a package of a profile brings Nix or its certificates.
is_of_nix() {
    is_there "$1/bin/nix-env" || is_there "$1/etc/ssl/certs/ca-bundle.crt"
}

# The image's Nix and certificates in the default profile, and all else that is in it as it was: made beside it, and put
# in its place in one step.
switch_default_profile() {
    if [ ! -e "$default_profile" ]; then
        run_nix nix-env --profile "$default_profile" --install "$nix" "$certificates"
        return
    fi
    beside=$work/profile
    run_nix nix-env --profile "$beside" --set "$(readlink -f "$default_profile")"
    if [ -e "$default_profile/manifest.json" ]; then
        features='nix-command flakes'
        paths=$(grep -o "$store/[^\"/]*" "$default_profile/manifest.json" | sort -u)
        set --
        for path in $paths; do
            if is_of_nix "$path"; then set -- "$@" "$path"; fi
        done
        if [ $# -gt 0 ]; then
            run_nix nix --extra-experimental-features "$features" profile remove --profile "$beside" "$@"
        fi
        run_nix nix --extra-experimental-features "$features" profile install --profile "$beside" "$nix" "$certificates"
    else
        paths=$(run_nix nix-env --profile "$beside" --query --installed --out-path --no-name)
        set --
        for path in $paths; do
            # One that has more outputs than this: out=PATH;NAME=PATH
            path=${path%%;*}
            path=${path#out=}
            if is_of_nix "$path"; then set -- "$@" "$path"; fi
        done
        if [ $# -gt 0 ]; then run_nix nix-env --profile "$beside" --uninstall "$@"; fi
        run_nix nix-env --profile "$beside" --install "$nix" "$certificates"
    fi
    sync --file-system "$state"
    run_nix nix-env --profile "$default_profile" --set "$(readlink -f "$beside")"
}

# Unpacks beside the store, moves in, registers. The garbage collector would delete what is not registered yet: it holds
# this lock exclusively, and whoever adds to a store shares it (Nix's gc.cc).
add_paths() {
    mkdir -p /nix/var/nix
    (umask 077 && : >>/nix/var/nix/gc.lock)
    exec 8>/nix/var/nix/gc.lock
    # Root alone can open it, but a user can have the daemon collect garbage for as long as he likes.
    flock --shared --timeout 600 8 ||
        fail again 'Nix has been collecting garbage for ten minutes.' 'It is tried again by itself. See: bluebuild-nix doctor'
    unpack
    sync --file-system "$state"
    move_in
    register
    # What has a root is in the store for good.
    sync --file-system "$state"
    make_root
}

switch() {
    switch_default_profile
    mark installed
    # What this image and the one before it run stays; an older one can install its own again.
    touch "$roots/$sha256"
    # shellcheck disable=SC2010 # names of digests, the newest first
    ls -t "$roots" | grep -vx "$sha256" | tail -n +2 | while read -r root; do rm -rf "${roots:?}/$root"; done
    rm -rf "$work"
    mkdir -p "$state/follows"
    : >"$state/follows/$sha256"
    find "$state/follows" -type f ! -name "$sha256" -delete
    exec 8>&-
}

# What an installer left there whose store is gone: after a factory reset, or an attempt that was interrupted.
prepare_etc() {
    for unit in $installer_units; do
        if has_etc_unit "$unit"; then
            for_each_etc_unit rm -f --
            systemctl daemon-reload
            break
        fi
    done
    if ! cmp -s /etc/nix/nix.conf "$share/nix.conf"; then
        if [ -e /etc/nix/nix.conf ]; then
            mv -f --backup=numbered -- /etc/nix/nix.conf /etc/nix/nix.conf.old
            printf 'Renamed /etc/nix/nix.conf to /etc/nix/nix.conf.old: it differs from the one in this image.\n'
        fi
        mkdir -p /etc/nix
        cp "$share/nix.conf" /etc/nix/nix.conf
    fi
}

install_nix() {
    status "Installing $product into $directory"
    add_paths
    switch
}

# The Nix of this image takes the place of another's, or comes back after it.
follow_image() {
    if ! is_complete_store; then
        status 'Nix itself is missing from the store: installing it again'
    elif [ -e "$state/follows/$sha256" ]; then
        return
    else
        status "Changing to the Nix of this image: $version"
    fi
    if has_root; then
        nix=$(readlink "$roots/$sha256/nix")
        certificates=$(readlink "$roots/$sha256/certificates")
        rm -rf "$work"
        mkdir "$work"
    else
        check_space
        find_download
        add_paths
        drop_download
    fi
    switch
    label_store
    systemctl try-restart nix-daemon.service || :
}

resume_existing() {
    if ! grep -qx provider=native "$state/installed"; then
        status "Taking over the store from \`installer: $(sed -n 's/^provider=//p' "$state/installed")\`"
        hand_over
    fi
    # Someone deleted it.
    if [ ! -e /etc/nix/nix.conf ]; then
        mkdir -p /etc/nix
        cp "$share/nix.conf" /etc/nix/nix.conf.new
        mv -f /etc/nix/nix.conf.new /etc/nix/nix.conf
    fi
    start_daemon
    follow_image
}

# What an installer put into /etc and the image has of its own; what a user wrote into nix.custom.conf is still read.
take_over_etc() {
    rm -f "$state/determinate-nixd" "$state/database-used-by"
    for_each_etc_unit set_aside
    if cmp -s /etc/nix/nix.custom.conf "$state/etc-nix/nix.custom.conf"; then set_aside /etc/nix/nix.custom.conf; fi
    if ! cmp -s /etc/nix/nix.conf "$share/nix.conf"; then
        mkdir -p /etc/nix "$state/etc-nix"
        # An older deployment's /etc has it still.
        if [ -f /etc/nix/nix.conf ]; then cp /etc/nix/nix.conf "$state/etc-nix/nix.conf"; fi
        take_back /etc/nix/nix.conf
        cp "$share/nix.conf" /etc/nix/nix.conf
    fi
    take_back /etc/profile.d/nix.sh
    set_aside /etc/fish/conf.d/nix.fish
    # Where Determinate's Nix sends its crash reports.
    set_aside /etc/nix/sentry-endpoint
    systemctl daemon-reload
}

# With no network, and where Nix itself does not start: its own paths from the tarball. The rest needs a substituter.
repair() {
    if [ ! -e "$state/installed" ]; then
        fail never "There is no Nix in $directory yet." 'See: bluebuild-nix status'
    fi
    find_download
    # So that the next boot finishes what is cut off here: it trusts nothing that has no whole root.
    rm -f "$roots/$sha256/certificates" "$state/follows/$sha256"
    add_paths
    switch
    systemctl try-restart nix-daemon.service || :
    status "Nix $version itself is intact. Verifying everything else in the store"
    verify_store
}
