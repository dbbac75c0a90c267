#!/bin/bash
# Runs a program in a network where everything answers, and then prints what the program asked for. Called in mount and
# network namespaces of its own.
#   alone-with-network.sh NODE DIRECTORY PROGRAM [VARIABLE=VALUE]...
set -eu
node=$1 directory=$2 program=$3
shift 3
ip link set lo up
# Every address leads to this machine.
ip route add local 0.0.0.0/0 dev lo
echo nameserver 127.0.0.1 >"$directory/resolv.conf"
mount --bind "$directory/resolv.conf" /etc/resolv.conf
: >"$directory/asked"
"$node" "$(dirname "$0")/answer-everything.ts" 0.0.0.0 192.0.2.1 >"$directory/asked" &
server=$!
until grep -qs ready "$directory/asked"; do kill -0 "$server"; done
# A new home directory, because what the program remembers from an earlier run affects what it asks for.
home=$(mktemp -d "$directory/home-XXXXXX")
env -i HOME="$home" "$@" "$program" >&2
kill "$server"
sed 1d "$directory/asked"
