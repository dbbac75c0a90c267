#!/bin/sh
# A module of somebody else's, which runs after ours and says what it was given.
set -eu
test -d /nix
printf '%s\n' "$1" >/usr/share/after.json
