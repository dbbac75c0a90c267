#!/bin/bash
# The machine of a history while it is on: boots, reports its state, and reads commands until it is switched off.
#   booted.sh CUT [TROUBLE]    CUT: the command before which the power fails, counting all commands; 0 for never
# shellcheck disable=SC2034,SC2154,SC2004 # systemd.sh declares these
set -u
shopt -s nullglob
# shellcheck source=systemd.sh
. /usr/lib/histories/systemd.sh
cut=$1 trouble=${2-}
mkdir -p "$up" /run/lock
: >/run/log
: >/run/stand-in-faults

# These targets start everything in the image or in /etc that has to do with Nix.
targets=(local-fs.target sysinit.target sockets.target paths.target timers.target basic.target multi-user.target)

# The names of all packages that a user of this machine ever built, from a file that the history keeps.
packages=()
read_packages() {
    local name
    packages=()
    if [ ! -e /var/packages ]; then return; fi
    while read -r name; do packages+=("$name"); done </var/packages
}

is_valid_package() {
    local path
    [ -s "/nix/store/$1/file" ] || return 1
    while read -r path _; do
        if [ "$path" = "/nix/store/$1" ]; then return 0; fi
    done 2>/dev/null </nix/var/nix/db/db.sqlite
    return 1
}

# Does what a user's first `nix build` does: starts the daemon through its socket.
can_build=''
ask_daemon() {
    local unit=nix-daemon.service log='' line
    can_build=''
    if [ -e /nix/var/bluebuild-nix/installing ]; then
        can_build='it is being installed'
        return
    fi
    if [ ! -e "$up/nix-daemon.socket" ]; then
        can_build='nix-daemon.socket is not up'
        return
    fi
    if [ ! -e /nix/var/nix/daemon-socket/socket ]; then
        can_build='nobody finds the socket'
        return
    fi
    if [ -e /run/daemon ]; then rm /run/daemon; fi
    : >/run/daemon-log
    results=()
    log_to=/run/daemon-log start "$unit"
    if [ "${results[$unit]}" != started ] || [ ! -e /run/daemon ]; then
        while IFS= read -r line; do log=$line; done </run/daemon-log
        can_build="the daemon does not start (${results[$unit]}): $log"
    fi
    if [ -e "$up/$unit" ]; then rm "$up/$unit"; fi
}

# Prints what an image or an installer may leave in /etc but must not, once a boot is done.
leftovers() {
    local path link image_has is
    # If an image has a nix.conf of its own, the machine has the same one, unless a person has changed it.
    if [ -e /usr/etc/nix/nix.conf ]; then
        IFS= read -r -d '' image_has </usr/etc/nix/nix.conf || :
        is=''
        if [ -e /etc/nix/nix.conf ]; then IFS= read -r -d '' is </etc/nix/nix.conf || :; fi
        if [ "$is" != "$image_has" ]; then printf 'nix-conf=%s\n' "${is//$'\n'/; }"; fi
    fi
    for path in /etc/systemd/system/*; do
        case ${path##*/} in
        *.wants | *.requires | *.d) for link in "$path"/*; do printf 'etc=%s\n' "$link"; done ;;
        *) if [ "$path" -ef /dev/null ]; then printf 'etc=%s masked\n' "$path"; else printf 'etc=%s\n' "$path"; fi ;;
        esac
    done
    for path in /etc/tmpfiles.d/* /etc/*.new /etc/*/*.new; do printf 'etc=%s\n' "$path"; done
}

report() {
    local outcome=absent
    # The outcome of the boot is what systemd would tell a person about nix-install.service.
    if [ -n "${results[nix-install.service]-}" ]; then outcome=${results[nix-install.service]}; fi
    if [ "$outcome" = failed ]; then outcome=${codes[nix-install.service]}; fi
    if [ "$outcome" = started ]; then outcome=0; fi
    if [ "$outcome" = not-found ]; then outcome=absent; fi
    last_outcome=$outcome
    describe
}

describe() {
    local package line status='' named
    printf 'outcome=%s\n' "$last_outcome"
    if [ -e /run/status ]; then IFS= read -r status </run/status; fi
    printf 'status=%s\n' "$status"
    while IFS= read -r line; do printf 'log=%s\n' "$line"; done </run/log
    ask_daemon
    printf 'cannot-build=%s\n' "$can_build"
    read_packages
    for package in "${packages[@]}"; do
        if is_valid_package "$package"; then
            printf 'package=%s in /nix\n' "$package"
            continue
        fi
        # A directory that the first-boot program's messages name and that has the package.
        named=''
        for line in $status $(cat /run/log); do
            line=${line%[.,:;]}
            case $line in /*) if [ -s "$line/store/$package/file" ]; then named=$line; fi ;; esac
        done
        if [ -n "$named" ]; then printf 'package=%s named %s\n' "$package" "$named"; continue; fi
        line=$(find /var -path "*/store/$package/file" -print -quit)
        printf 'package=%s %s\n' "$package" "${line:-nowhere}"
    done
    while read -r _ _ _ from to _; do if [ "$to" = /nix ]; then printf 'nix=%s\n' "$from"; fi; done </proc/self/mountinfo
    leftovers
    while IFS= read -r line; do printf 'stand-in=%s\n' "$line"; done </run/stand-in-faults
}

# Ends the machine if the power has failed in the middle of a boot.
if_cut() {
    if [ "$cut" -gt 0 ] && { read -r count </run/count; [ "$count" -ge "$cut" ]; }; then
        printf 'cut=%s\n' "$count"
        while IFS= read -r line; do printf 'log=%s\n' "$line"; done </run/log
        printf '=END\n'
        exit 0
    fi
}

count_commands() {
    if [ "$cut" -gt 0 ]; then
        cut_at=$cut
        echo 0 >/run/count
        echo "$cut" >/run/cut-at
    fi
}

boot() {
    local unit cut_at=''
    count_commands
    if [ -n "$trouble" ]; then : >"/run/$trouble"; fi
    order "${targets[@]}"
    for unit in "${transaction[@]}"; do
        start_one "$unit"
        if_cut
        case $result in masked | not-found) : >"$up/$unit.failed" ;; esac
        results[$unit]=$result codes[$unit]=$code
    done
    : 2>/dev/null >/etc/.updated
    if [ -n "$trouble" ]; then rm "/run/$trouble"; fi
    cut_at=''
    # Reads what nix-install.service has changed among the units in /etc.
    if [ -e "$up/nix-install.service" ] || [ -e "$up/nix-install.service.failed" ]; then reload; fi
    report
}

# Commands of a history.
build() {
    local path
    if [ -n "$can_build" ]; then return; fi
    path=/nix/store/$1
    mkdir -p "$path"
    printf 'built\n' >"$path/file"
    printf 'file\n' >"$path/files"
    printf '%s of-a-user\n' "$path" >>/nix/var/nix/db/db.sqlite
    mkdir -p /nix/var/nix/profiles/per-user/lab
    ln -sfn "$path" "/nix/var/nix/profiles/per-user/lab/$1"
    printf '%s\n' "$1" >>/var/packages
}
# Runs the service again, as a retry or a person does.
again() {
    local unit=nix-install.service
    : >/run/log
    rm -f /run/status "$up/$unit" "$up/$unit.failed"
    results=() codes=()
    start "$unit"
    reload
    report
}
# move|repair CUT: a person runs `nix-install move` or `repair`; as at a boot, the power may fail before a command.
person() {
    local cut_at='' code=0
    cut=$2
    count_commands
    : >/run/log
    rm -f /run/status
    run_command nix-install.service "/usr/libexec/bluebuild/nix/nix-install $1" || code=$?
    if_cut
    cut_at=''
    reload
    last_outcome="person $code"
    describe
}
# Like `systemctl mask`, refuses if there is a unit file in the place of the link.
mask() {
    mkdir -p /etc/systemd/system
    if ! is_unit_there "/etc/systemd/system/$1"; then
        ln -s /dev/null "/etc/systemd/system/$1"
        printf 'masked=%s\n' "$1"
    fi
    reload
}
unmask() {
    if [ "/etc/systemd/system/$1" -ef /dev/null ]; then rm "/etc/systemd/system/$1"; fi
    reload
}
lose_etc_nix() {
    rm -rf /etc/nix
}
# A person runs an installer by hand, as blog posts say.
by_hand() {
    if [ ! -d /nix ] || mountpoint --quiet /nix; then return; fi
    "/usr/lib/histories/$1" install ostree --no-confirm --persistence "$2" </dev/null >>/run/log 2>&1 || printf 'by-hand=%s\n' "$?"
    ask_daemon
    printf 'cannot-build=%s\n' "$can_build"
}

last_outcome=absent
boot
printf '=END\n'
while read -r -a words; do
    case ${words[0]} in
    off)
        printf '=END\n'
        exit 0
        ;;
    *) "${words[@]}" ;;
    esac
    printf '=END\n'
done
