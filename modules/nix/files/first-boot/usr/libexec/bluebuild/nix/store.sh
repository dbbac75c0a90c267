# shellcheck shell=sh
# shellcheck disable=SC3013 # -ef is of POSIX.1-2024, and every sh of an image has it
# Where this machine keeps its Nix store: taken in by find-store, nix-install and the programs of bluebuild-nix.
#
# The image says where the store belongs (`persistence`). An earlier image may have kept it elsewhere, a person may have
# installed Nix by hand, and a store that exists is never hidden by a new one:
#   on the same file system   one rename moves it to `persistence` before /nix is mounted, and back after a rollback
#   anywhere else             it stays where it is and is mounted on /nix; `bluebuild-nix move` copies it
# Where there are two, /nix shows the one that was used last, and nix-install.service names the other.
# So /var/lib/bluebuild-nix/stores remembers each directory that has held the store: mount point, tab, directory; the
# latest is last. It is in /var, which all deployments share and which a factory reset clears, as the store is. It is
# written before a store is made or moved, and it is a hint: what a directory holds decides. The mount point tells a
# store that was deleted from a disk that is not there.

share=/usr/share/bluebuild/nix
etc_units=/etc/systemd/system
stores=/var/lib/bluebuild-nix/stores
# There is a store that is not in `persistence`, or a second one: nix-install.service runs and says so.
elsewhere=/run/bluebuild-nix/elsewhere
# There are two, and this names the other: find-store runs at each boot, and looks which was used last.
second=/var/lib/bluebuild-nix/second-store
# The last try failed: the next start is not skipped, even where somebody has put everything right meanwhile.
# shellcheck disable=SC2034 # for who takes this in
failed=/run/bluebuild-nix/failed
tab='	'
newline='
'

persistence='' embedded='' url='' sha256='' version='' provider='' minimum_free=''
read_configuration() {
    while IFS= read -r line; do
        value=${line#*=}
        # shellcheck disable=SC2034 # for who takes this in
        case ${line%%=*} in
        persistence) persistence=$value ;;
        provider) provider=$value ;;
        version) version=$value ;;
        embedded) embedded=$value ;;
        url) url=$value ;;
        sha256) sha256=$value ;;
        minimum-free-mebibytes) minimum_free=$value ;;
        esac
    done <"$share/install.conf"
}

is_same_directory() {
    [ -d "$1" ] && [ "$1" -ef "$2" ]
}

# A person's word: `systemctl mask`, with --runtime or without.
is_masked() {
    [ "$etc_units/$1" -ef /dev/null ] || [ "/run/systemd/system/$1" -ef /dev/null ]
}

# The unit that hides nix.mount of the image, if one does: the administrator's, an installer's, or one made of /etc/fstab.
mount_unit=''
find_mount_unit() {
    for mount_unit in "$etc_units/nix.mount" /run/systemd/system/nix.mount /run/systemd/generator/nix.mount; do
        if [ -s "$mount_unit" ]; then return; fi
    done
    mount_unit=''
}

# The directory that a mount unit names.
what_of() {
    sed -n 's/^What=//p' "$1" | tail -n 1
}

# The unit that the installers write needs their nix-directory.service; any other is a person's.
is_of_installer() {
    grep -q nix-directory.service "$1"
}

# A finished store, or one that an image has begun. Only root's: a directory below /var/home may be a user's.
has_store() {
    [ -O "$1" ] && [ -O "$1/var" ] || return 1
    [ -e "$1/var/bluebuild-nix/installed" ] || [ -e "$1/var/bluebuild-nix/installing" ] ||
        { [ -d "$1/store" ] && [ -e "$1/var/nix/db/db.sqlite" ] && { [ "$provider" = system ] || is_there "$1/var/nix/profiles/default"; }; }
}

# Whether ostree keeps the image's own /etc in /usr/etc. A package alone may have left a file there, as npm does.
has_usr_etc() {
    [ -d /usr/etc/systemd ]
}

# Runs a command in the directory that holds the image's own etc/: ostree keeps that in /usr; with bootc's composefs-native
# backend the machine's is mounted over it, and / mounted once more shows it.
in_image() {
    if has_usr_etc; then
        (cd /usr && "$@")
        return
    fi
    # In a mount namespace of its own, over /tmp: SELinux may refuse `mount` a directory below /run, and our locks.
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --propagation private sh -euc 'mount --bind / /tmp; cd /tmp; exec "$@"' sh "$@" 8>&- 9>&-
}

# Also a link that leads nowhere, as links into /nix do before it is mounted.
is_there() {
    [ -e "$1" ] || [ -L "$1" ]
}

# Prints what of the store is not root's, as in a backup that was restored without its owners, or made by another user:
# whoever owns it owns what root runs.
foreign_path() {
    for path in /nix /nix/store /nix/var /nix/var/nix /nix/var/nix/db; do
        if [ -e "$path" ] && [ ! -O "$path" ]; then
            printf '%s' "$path"
            return
        fi
    done
}

# The lines of groups or users, as Nix finds them: one of its own libc reads the files in /etc alone.
accounts() {
    database=$1
    shift
    if [ "$provider" = system ]; then
        getent "$database" "$@"
    else
        grep -E "^($(IFS='|' && printf '%s' "$*")):" "/etc/$database"
    fi
}

# Before anything is put into a directory or moved there.
remember() {
    existing=$1
    while [ ! -d "$existing" ]; do existing=${existing%/*}; done
    line=$(stat -L -c %m -- "${existing:-/}")$tab$1
    if [ "$(tail -n 1 "$stores" 2>/dev/null)" = "$line" ]; then return; fi
    others=''
    if [ -e "$stores" ]; then
        while IFS=$tab read -r mount_point place; do
            if [ "$place" != "$1" ]; then others="$others$mount_point$tab$place$newline"; fi
        done <"$stores"
    fi
    # On a full disk what is remembered already stays.
    if ! { mkdir -p "${stores%/*}" && printf '%s%s\n' "$others" "$line" >"$stores.new" && sync "$stores.new"; }; then
        rm -f "$stores.new"
        return 1
    fi
    mv -f "$stores.new" "$stores"
    sync "${stores%/*}"
}

# Where a store may be, a line each: mount point, tab, directory. The one that was used last, that of this image, others that
# are remembered, and where the images of this module, and the installers, put it by default.
known_places() {
    if [ -e "$stores" ]; then tail -n 1 "$stores"; fi
    printf '\t%s\n' "$persistence"
    if [ -e "$stores" ]; then tac "$stores"; fi
    printf '/\t%s\n' /var/lib/nix /var/home/nix
}

# Before anybody can log in (`hurry`), a disk that the boot itself does not wait for (nofail) gets ten seconds to be there;
# later, or where the boot waits anyway, as long as its unit says.
hurry=''
start_mount() {
    unit=$(systemd-escape --path --suffix=mount -- "$1")
    if [ "$hurry" ]; then
        case " $(systemctl show --value --property=Before "$unit") " in
        *' local-fs.target '*) ;;
        *)
            if timeout 10 systemctl start "$unit" 2>/dev/null; then return; fi
            if [ ! -e "$(systemctl show --value --property=What "$unit")" ]; then return; fi
            ;;
        esac
    fi
    systemctl start "$unit" 2>/dev/null || :
}

# Sets `found` to the directory that has the store, or `missing` to one whose file system is not mounted.
found='' missing=''
find_store() {
    found='' missing=''
    known=$(known_places)
    while IFS= read -r line; do
        mount_point=${line%%"$tab"*} place=${line#*"$tab"}
        if [ "$mount_point" ] && ! has_store "$place" && ! mountpoint -q -- "$mount_point"; then
            start_mount "$mount_point"
        fi
        if has_store "$place"; then
            found=$place
            # A link that leads there.
            if is_same_directory "$place" "$persistence"; then found=$persistence; fi
            return
        fi
        # That of this image is used where the last one is not there.
        if [ "$mount_point" ] && ! mountpoint -q -- "$mount_point" && ! has_store "$persistence"; then
            # shellcheck disable=SC2034 # for who takes this in
            missing=$place
            return
        fi
    done <<known
$known
known
}

# Prints a store of this machine that is not the one in a directory, if there is one.
other_store() {
    known_places | while IFS= read -r line; do
        place=${line#*"$tab"}
        if has_store "$place" && ! is_same_directory "$place" "$1"; then
            printf '%s' "$place"
            return
        fi
    done
}

# Whether one rename can move a directory: on one file system, by one mount, and to where nothing is.
can_rename() {
    if [ -L "$1" ] || [ -L "$2" ]; then return 1; fi
    if [ -e "$2" ] && { mountpoint -q -- "$2" || [ -n "$(find "$2" -mindepth 1 -print -quit)" ]; }; then return 1; fi
    mkdir -p -- "${2%/*}" && [ "$(stat -c %d:%m -- "$1")" = "$(stat -c %d:%m -- "${2%/*}")" ]
}

rename_store() {
    remember "$persistence" || return 1
    if [ -e "$persistence" ]; then rmdir -- "$persistence"; fi
    # So that mv never copies where a rename is not possible after all (a quota); an older mv does not know the option.
    no_copy=--no-copy
    if ! mv $no_copy --version >/dev/null 2>&1; then no_copy=''; fi
    # shellcheck disable=SC2086 # one option, or none
    mv $no_copy -T -- "$1" "$persistence" || return 1
    sync
    printf 'Moved the Nix store from %s to %s.\n' "$1" "$persistence"
}

note_elsewhere() {
    mkdir -p "${elsewhere%/*}"
    : >"$elsewhere"
}

# Sets `other` to a store that is not the one in a directory, for whoever tells of it.
other=''
note_other_store() {
    other=$(other_store "$1")
    if [ -n "$other" ]; then
        note_elsewhere
        # That it is there counts, also where the disk is too full for what is in it.
        if ! { mkdir -p "${second%/*}" && printf '%s\n' "$other" >"$second"; }; then return 0; fi
    elif [ -e "$second" ]; then
        rm -f "$second" || :
    fi
}

# `own_mount`: /nix is mounted by a unit that a person wrote, or by /etc/fstab, and stays so.
own_mount=''
# shellcheck disable=SC2034 # for who takes this in
find_directory() {
    find_mount_unit
    what=''
    if [ -n "$mount_unit" ]; then
        what=$(what_of "$mount_unit")
        if ! is_of_installer "$mount_unit" && ! is_same_directory /nix "$persistence"; then own_mount=yes; fi
    fi
    if [ -e "$stores" ]; then last=$(tail -n 1 "$stores" | cut -f 2); else last=''; fi
    for directory in "$persistence" "$found" "$what" "$last"; do
        if [ -n "$directory" ] && is_same_directory /nix "$directory"; then return; fi
    done
    directory=$(findmnt -n -o SOURCE /nix | tail -n 1)
    own_mount=yes
}

# Makes /nix show the store of this machine, wherever it is. A mount of the machine's own stays as it is; an installer's
# that names no store is what an interrupted attempt left in this /etc.
show_store() {
    if is_masked nix.mount; then return; fi
    find_mount_unit
    if [ -n "$mount_unit" ]; then
        if ! is_of_installer "$mount_unit" || has_store "$(what_of "$mount_unit")"; then return; fi
    fi
    find_store
    if [ -z "$found" ] || is_same_directory /nix "$found"; then return; fi
    # An empty directory is mounted: the disk with the store came late.
    is_late=''
    if mountpoint -q /nix; then
        is_late=yes
        umount --lazy /nix || return 1
    fi
    if [ "$found" != "$persistence" ] && can_rename "$found" "$persistence" && rename_store "$found"; then
        found=$persistence
    fi
    if [ "$found" = "$persistence" ]; then
        # Else nix.mount of the image does it.
        if [ "$is_late" ] || [ -n "$mount_unit" ]; then mount --bind -- "$found" /nix || return 1; fi
        return 0
    fi
    mount --bind -- "$found" /nix || return 1
    note_elsewhere
    remember "$found" || :
    printf 'The Nix store is in %s, and is mounted from there.\n' "$found"
}
