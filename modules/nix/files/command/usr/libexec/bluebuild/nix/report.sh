# shellcheck shell=bash
# What status and doctor ask the machine with, and how they print it.

# With `system`: why this image's Nix cannot use the database of the store, and what to do (keep-database).
# shellcheck disable=SC2034 # for who takes this in
refused=/run/bluebuild-nix/database-refused

declare -A property=()
# The properties of units, as property[UNIT KEY].
# shellcheck disable=SC2034 # for who takes this in
ask_systemd() {
    local unit='' line
    property=()
    while IFS= read -r line; do
        case $line in
        Id=*) unit=${line#Id=} ;;
        ?*=*) property[$unit ${line%%=*}]=${line#*=} ;;
        esac
    done < <(systemctl show --property=Id --property=ActiveState --property=SubState --property=Result \
        --property=StatusText "$@" 2>/dev/null)
}

# A text in JSON.
quote() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# A text in JSON, or null where it is empty.
quote_or_null() {
    if [ -z "$1" ]; then printf null; else quote "$1"; fi
}

as_size() {
    numfmt --to=iec-i --suffix=B --format=%.1f -- "$1"
}

# When a file was changed, as people and programs read it; nothing where it is not there.
time_of() {
    date --date="@$(stat -c %Y -- "$1" 2>/dev/null)" --iso-8601=seconds 2>/dev/null || :
}

# The bytes that a file system has free and has in all: "FREE SIZE".
room_of() {
    df --block-size=1 --output=avail,size -- "$1" 2>/dev/null | tail -n 1
}
