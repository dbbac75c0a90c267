# shellcheck shell=bash
# Stands in for systemd, as far as Nix's units need it: reads unit files and drop-ins where systemd does, respects
# masks, conditions, requirements and order, mounts, and runs what a unit starts. What is up is in
# /run/systemd-stand-in.
up=/run/systemd-stand-in/up
unit_directories=(/etc/systemd/system /run/systemd/system /usr/lib/systemd/system)

# The settings of units (by UNIT KEY, one value per line), their conditions, and their load states.
declare -A said=() conditions=() load_state=()

# Records what this stand-in does not support: a history that needs it is void.
unknown() {
    printf '%s\n' "the stand-in for systemd does not know: $*" >>/run/stand-in-faults
    return 1
}

# A mount unit is up if its mount point is mounted, no matter by whom.
is_up() {
    local place mounted_on
    case $1 in
    *.mount)
        place=${1%.mount}
        while read -r _ _ _ _ mounted_on _; do
            if [ "$mounted_on" = "/${place//-//}" ]; then return; fi
        done </proc/self/mountinfo
        return 1
        ;;
    *) [ -e "$up/$1" ] ;;
    esac
}

is_unit_there() {
    [ -e "$1" ] || [ -L "$1" ]
}

read_unit_file() {
    local unit=$1 file=$2 line key value
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '' | '#'* | ';'* | '['*) continue ;;
        esac
        key=${line%%=*} value=${line#*=}
        case $key in
        Condition* | Assert*)
            if [ -z "$value" ]; then conditions[$unit]=''; else conditions[$unit]+="$key $value"$'\n'; fi
            ;;
        *)
            if [ -z "$value" ]; then said[$unit $key]=''; else said[$unit $key]+="$value"$'\n'; fi
            ;;
        esac
    done <"$file"
}

load() {
    local unit=$1 directory file='' drop_in
    if [ -n "${load_state[$unit]-}" ]; then return; fi
    for directory in "${unit_directories[@]}"; do
        if is_unit_there "$directory/$unit"; then
            file=$directory/$unit
            break
        fi
    done
    conditions[$unit]=''
    if [ -z "$file" ]; then
        case $unit in *.target) load_state[$unit]=loaded ;; *) load_state[$unit]=not-found ;; esac
        return
    fi
    # An empty file masks, and so does a link to /dev/null.
    if [ -L "$file" ] && [ ! -e "$file" ]; then
        load_state[$unit]=not-found
    elif [ ! -s "$file" ]; then
        load_state[$unit]=masked
    else
        load_state[$unit]=loaded
        read_unit_file "$unit" "$file"
        for directory in "${unit_directories[@]}"; do
            for drop_in in "$directory/$unit.d"/*.conf; do
                if [ -s "$drop_in" ]; then read_unit_file "$unit" "$drop_in"; fi
            done
        done
    fi
}

holds() {
    local what=${1#Condition} path=$2
    what=${what#Assert}
    case $what in
    PathExists) [ -e "$path" ] ;;
    PathIsDirectory) [ -d "$path" ] ;;
    PathIsSymbolicLink) [ -L "$path" ] ;;
    PathIsMountPoint) mountpoint --quiet "$path" ;;
    PathIsReadWrite) [ -w "$path" ] ;;
    DirectoryNotEmpty) [ -d "$path" ] && [ -n "$(ls -A "$path")" ] ;;
    FileNotEmpty) [ -f "$path" ] && [ -s "$path" ] ;;
    FileIsExecutable) [ -f "$path" ] && [ -x "$path" ] ;;
    Security) false ;;
    # systemd-update-done leaves this file in the /etc of each deployment.
    NeedsUpdate) [ ! -e "$path/.updated" ] ;;
    *) unknown "$1" ;;
    esac
}

are_conditions_met() {
    local key value wanted any='' triggered=''
    while read -r key value; do
        if [ -z "$key" ]; then continue; fi
        local is_trigger=''
        if [[ $value = '|'* ]]; then is_trigger=yes value=${value#'|'}; fi
        wanted=yes
        if [[ $value = '!'* ]]; then wanted='' value=${value#!}; fi
        local is=''
        if holds "$key" "$value"; then is=yes; fi
        if [ -n "$is_trigger" ]; then
            any=yes
            if [ "$is" = "$wanted" ]; then triggered=yes; fi
        elif [ "$is" != "$wanted" ]; then
            return 1
        fi
    done <<<"${conditions[$1]}"
    [ -z "$any" ] || [ -n "$triggered" ]
}

# Sets `names` to the words of a unit's settings; prints nothing.
names=()
names_of() {
    local unit=$1 key
    names=()
    for key in "${@:2}"; do
        # shellcheck disable=SC2206 # names of units hold no blank
        names+=(${said[$unit $key]-})
    done
}

# The units that a unit requires, and those that it only wants, from its file and the directories beside it.
required=() wanted=()
dependencies_of() {
    local unit=$1 directory link path
    names_of "$unit" Requires BindsTo
    required=("${names[@]}")
    names_of "$unit" Wants
    wanted=("${names[@]}")
    names_of "$unit" RequiresMountsFor
    for path in "${names[@]}"; do
        case $path/ in /nix/*) load nix.mount && if [ "${load_state[nix.mount]}" != not-found ]; then required+=(nix.mount); fi ;; esac
    done
    for directory in "${unit_directories[@]}"; do
        for link in "$directory/$unit.wants"/*; do if is_unit_there "$link"; then wanted+=("${link##*/}"); fi; done
        for link in "$directory/$unit.requires"/*; do if is_unit_there "$link"; then required+=("${link##*/}"); fi; done
    done
}

# Runs a command of a unit in the environment that systemd gives it. `cut_at`: the command, counting all of them, before
# which the power fails.
run_command() {
    local unit=$1 command=$2 environment setting code=0 may_fail=''
    if [[ $command = -* ]]; then may_fail=yes command=${command#-}; fi
    environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin CACHE_DIRECTORY=/var/cache/bluebuild-nix)
    if [ ! -d /var/cache/bluebuild-nix ]; then mkdir -p /var/cache/bluebuild-nix 2>/dev/null || :; fi
    # shellcheck disable=SC2206 # settings without blanks
    environment+=(${said[$unit Environment]-})
    case $command in [+@!:]*) unknown "ExecStart=$command" ;; esac
    if [ -n "${cut_at-}" ]; then
        for setting in "${environment[@]}"; do
            case $setting in PATH=*) environment+=("PATH=/usr/lib/histories/cut:${setting#PATH=}") ;; esac
        done
        # shellcheck disable=SC2086 # a command of a unit is split at blanks
        { setsid --wait env -i "${environment[@]}" $command </dev/null >>"${log_to-/run/log}" 2>&1 || code=$?; } 2>/dev/null
    else
        # shellcheck disable=SC2086
        env -i "${environment[@]}" $command </dev/null >>"${log_to-/run/log}" 2>&1 || code=$?
    fi
    [ -n "$may_fail" ] || return "$code"
}

# Starts one unit, whose dependencies have been started. Sets `result` to started, skipped, masked, not-found,
# dependency or failed, and `code` to the exit code.
result='' code=0
start_one() {
    local unit=$1 need command
    result=started code=0
    load "$unit"
    if is_up "$unit"; then return; fi
    if [ "${load_state[$unit]}" != loaded ]; then
        result=${load_state[$unit]}
        return
    fi
    dependencies_of "$unit"
    for need in "${required[@]}"; do
        if [ -e "$up/$need.failed" ]; then result=dependency; fi
    done
    if [ "$result" = dependency ]; then
        : >"$up/$unit.failed"
        return
    fi
    if ! are_conditions_met "$unit"; then
        result=skipped
        return
    fi
    case $unit in
    *.mount) start_mount "$unit" || result=failed ;;
    *.service | *.socket)
        while read -r command; do
            if [ -z "$command" ] || [ "$result" = failed ]; then continue; fi
            code=0
            run_command "$unit" "$command" || code=$?
            if [ "$code" -ne 0 ]; then result=failed; fi
        done <<<"${said[$unit ExecStartPre]-}${said[$unit ExecStart]-}"
        case $unit in *.socket) [ "$result" = failed ] || start_socket "$unit" || result=failed ;; esac
        ;;
    esac
    if [ "$result" = failed ]; then : >"$up/$unit.failed"; else : >"$up/$unit"; fi
}

value_of() {
    local value=${said[$1 $2]-}
    value=${value%$'\n'}
    printf -v "$3" '%s' "${value##*$'\n'}"
}

start_mount() {
    local what where
    value_of "$1" What what
    value_of "$1" Where where
    if [ ! -e "$what" ]; then mkdir -p "$what" 2>>/run/log || return; fi
    if [ ! -d "$where" ]; then mkdir -p "$where" 2>>/run/log || return; fi
    mount --bind "$what" "$where" 2>>/run/log
}

start_socket() {
    local path
    value_of "$1" ListenStream path
    if [ ! -d "${path%/*}" ]; then mkdir -p "${path%/*}" 2>>/run/log || return; fi
    if [ ! -e "$path" ]; then cp --archive /usr/lib/histories/socket "$path" 2>>/run/log; fi
}

stop_one() {
    local unit=$1 where
    if ! is_up "$unit"; then return 0; fi
    case $unit in
    *.mount)
        load "$unit"
        value_of "$unit" Where where
        umount "$where" 2>>/run/log || return
        ;;
    *) rm "$up/$unit" ;;
    esac
}

# `order` puts units and everything that they need into `transaction`, in the order in which they start.
transaction=()
declare -A in_transaction=() visited=() after=()
collect() {
    local unit=$1 other
    if [ -n "${in_transaction[$unit]-}" ]; then return; fi
    in_transaction[$unit]=yes
    load "$unit"
    if [ "${load_state[$unit]}" != loaded ]; then return; fi
    dependencies_of "$unit"
    local needs=("${required[@]}" "${wanted[@]}")
    names_of "$unit" After
    after[$unit]+=" ${names[*]} ${required[*]}"
    case $unit in
    *.target) after[$unit]+=" ${wanted[*]}" ;;
    *)
        case ${said[$unit DefaultDependencies]-yes} in
        no*) ;;
        *)
            case $unit in
            *.mount) after[local-fs.target]+=" $unit" ;;
            *.service) after[$unit]+=' basic.target' ;;
            *) after[$unit]+=' sysinit.target' ;;
            esac
            ;;
        esac
        ;;
    esac
    case $unit in *.socket) after[sockets.target]+=" $unit" ;; esac
    names_of "$unit" Before
    for other in "${names[@]}"; do after[$other]+=" $unit"; done
    for other in "${needs[@]}"; do collect "$other"; done
}

visit() {
    local unit=$1 other
    if [ -z "${in_transaction[$unit]-}" ] || [ -n "${visited[$unit]-}" ]; then return; fi
    visited[$unit]=yes
    for other in ${after[$unit]-}; do
        # A target does not wait for a unit that waits for it.
        case " ${after[$other]-} " in *" $unit "*) case $unit in *.target) continue ;; esac ;; esac
        visit "$other"
    done
    transaction+=("$unit")
}

# As `systemctl daemon-reload` does.
reload() {
    said=() conditions=() load_state=()
}

order() {
    transaction=() in_transaction=() visited=() after=()
    local unit
    for unit in "$@"; do collect "$unit"; done
    for unit in "$@"; do visit "$unit"; done
    for unit in "${!in_transaction[@]}"; do visit "$unit"; done
}

# Starts units with everything that they need. `result` and `code` are those of the last one.
start() {
    local unit
    order "$@"
    for unit in "$@"; do if [ -e "$up/$unit.failed" ]; then rm "$up/$unit.failed"; fi; done
    for unit in "${transaction[@]}"; do
        # A requirement that is masked or missing makes the unit that needs it fail.
        start_one "$unit"
        case $result in masked | not-found) : >"$up/$unit.failed" ;; esac
        results[$unit]=$result codes[$unit]=$code
    done
}
# shellcheck disable=SC2034 # for scripts that source this file
declare -A results=() codes=()
