#!/bin/bash
# The machine of a history while it is off: what happens to its disks between two boots. Runs in a mount namespace of
# its own and reads commands from standard input, one per line; each answer ends with a line `=END`.
#   driver.sh WORK STAND-INS    WORK: an empty directory; STAND-INS: a tree that is mounted over the image's /usr
set -eu
shopt -s nullglob dotglob
work=$1 stand_ins=$2
disk=$work/disk home=$work/home etc=$work/etc

mount -t tmpfs -o size=1g,mode=0755 tmpfs "$work"
mkdir "$disk" "$home" "$etc"
for root in "$work/root-with-nix" "$work/root-plain"; do
    mkdir -p "$root"/{usr,etc,var,run,tmp,dev,proc,root}
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
    mount --bind "$root" "$root"
done
mkdir "$work/root-with-nix/nix"
for root in "$work/root-with-nix" "$work/root-plain"; do mount -o remount,bind,ro "$root"; done

# machine same|other: a new machine with an empty disk; /var/home is on the same file system or on another one.
machine() {
    if mountpoint --quiet "$disk/home"; then umount "$disk/home"; fi
    if mountpoint --quiet "$disk"; then umount "$disk"; fi
    if mountpoint --quiet "$home"; then umount "$home"; fi
    mount -t tmpfs -o size=2g,mode=0755 tmpfs "$disk"
    mkdir "$disk/home"
    if [ "$1" = other ]; then
        mount -t tmpfs -o size=2g,mode=0755 tmpfs "$home"
        mount --bind "$home" "$disk/home"
    fi
    make_directories
    rm -rf "$etc" "$work/backup"
    mkdir "$etc"
}

# Makes the directories that systemd-tmpfiles makes at each boot.
make_directories() {
    if [ -d "$disk/lib" ] && [ -d "$disk/usrlocal" ]; then return; fi
    mkdir -p "$disk"/{cache,home,lib,mnt,srv,usrlocal,tmp}
}

# A deployment's /etc: install ID IMAGE, or merge ID FROM-ID FROM-IMAGE IMAGE (like `ostree admin finalize-staged`: what
# the machine has changed or deleted stays that way, everything else comes from the new image).
install() {
    rm -rf "${etc:?}/$1"
    cp -a "$2/usr/etc" "$etc/$1"
}
merge() {
    local new=$etc/$1 current=$etc/$2 before=$3/usr/etc path
    install "$1" "$4"
    while IFS= read -r path; do
        if is_there "$current/$path"; then
            if ! is_same "$current/$path" "$before/$path"; then
                # A directory in the new image that is something else on the machine.
                if [ -d "$new/$path" ] && [ ! -L "$new/$path" ] && { [ -L "$current/$path" ] || [ ! -d "$current/$path" ]; }; then
                    rm -rf "${new:?}/$path"
                fi
                if [ -d "$current/$path" ] && [ ! -L "$current/$path" ]; then
                    if [ ! -d "$new/$path" ] || [ -L "$new/$path" ]; then rm -f "$new/$path"; fi
                    mkdir -p "$new/$path"
                else
                    case $path in */*) mkdir -p "$new/${path%/*}" ;; esac
                    cp -a --remove-destination --no-target-directory "$current/$path" "$new/$path"
                fi
            fi
        elif is_there "$before/$path"; then
            rm -rf "${new:?}/$path"
        fi
    done < <(find "$current" "$before" -mindepth 1 ! -name .updated -printf '%P\n' | sort -u)
}
is_there() {
    [ -e "$1" ] || [ -L "$1" ]
}
is_same() {
    local one other
    if [ -L "$1" ] || [ -L "$2" ]; then
        [ -L "$1" ] && [ -L "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
    elif [ -d "$1" ]; then
        [ -d "$2" ]
    else
        [ -f "$2" ] || return 1
        IFS= read -r -d '' one <"$1" || :
        IFS= read -r -d '' other <"$2" || :
        [ "$one" = "$other" ]
    fi
}
discard() {
    rm -rf "${etc:?}/$1"
}

# boot ID IMAGE CUT [INSTALLER-TROUBLE]: after this, booted.sh reads the commands until the machine is off.
boot() {
    local root=$work/root-plain code=0
    if [ -e "$2/nix" ]; then root=$work/root-with-nix; fi
    make_directories
    printf '%s 0 0\n' >"$work/fstab" "overlay $root/usr overlay ro,lowerdir=$stand_ins:$2/usr:/usr" \
        "$2/usr/lib/systemd/system $root/usr/lib/systemd/system none bind" \
        "$etc/$1 $root/etc none bind" \
        "$disk $root/var none rbind" \
        "tmpfs $root/run tmpfs size=8m,mode=0755" \
        "tmpfs $root/tmp tmpfs size=8m,mode=1777" \
        "/proc $root/proc none bind" \
        "/dev $root/dev none bind"
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --propagation private sh -euc 'mount --all --fstab "$1/fstab"; shift
exec env -i PATH=/usr/sbin:/usr/bin chroot "$@"' sh "$work" "$root" /bin/bash /usr/lib/histories/booted.sh "${@:3}" || code=$?
    if [ "$code" -ne 0 ]; then
        printf 'broken=%s\n=END\n' "$code"
        exit 1
    fi
}

# What people and accidents do to the disks while the machine is off.
factory_reset() {
    local path
    for path in "$disk"/*; do if [ "$path" != "$disk/home" ]; then rm -rf "$path"; fi; done
    rm -rf "${disk:?}/home"/*
}
backup() {
    rm -rf "$work/backup"
    cp -a "$disk" "$work/backup"
}
restore() {
    if [ ! -e "$work/backup" ]; then return; fi
    factory_reset
    cp -a "$work/backup/." "$disk/"
}
# move FROM TO: a person moves the directory of a store.
move() {
    if [ -d "$disk/$1" ] && ! is_there "$disk/$2"; then
        mkdir -p "$disk/${2%/*}"
        mv "$disk/$1" "$disk/$2"
    fi
}
# link DIRECTORY: moves its content to another disk and makes it a link to that.
link() {
    if [ -d "$disk/$1" ] && [ ! -L "$disk/$1" ] && [ ! -e "$disk/mnt/${1//\//-}" ]; then
        mv "$disk/$1" "$disk/mnt/${1//\//-}"
        ln -s "/var/mnt/${1//\//-}" "$disk/$1"
    fi
}
# room SIZE|none: sets the size of the disk; `none` leaves no free byte.
room() {
    local place size
    for place in "$disk" "$home"; do
        if ! mountpoint --quiet "$place"; then continue; fi
        size=$1
        # Never 0, which would mean no limit.
        if [ "$size" = none ]; then size=$(($(df --output=used -BK "$place" | tail -n 1 | tr -dc 0-9) + 4))k; fi
        mount -o "remount,size=$size" "$place"
        if [ "$1" = none ]; then printf '%4096s' '' >"$place/filler"; else rm -f "$place/filler"; fi
    done
}

while read -r -a words; do
    "${words[@]}"
    if [ "${words[0]}" != boot ]; then printf '=END\n'; fi
done
