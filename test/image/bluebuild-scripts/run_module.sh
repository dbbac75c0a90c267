#!/usr/bin/env bash
# run_module.sh TYPE JSON: finds the module's program, makes it executable and runs it, between two banners.
set -euo pipefail
source /tmp/scripts/exports.sh

for program in "/tmp/modules/$1/$1" "/tmp/modules/$1/$1".{nu,sh,bash}; do
  [[ -f $program ]] && break
done
[[ -f $program ]] || { echo "no program for the module $1" >&2; exit 1; }
chmod +x "$program"
echo "===== Start '$1' Module ====="
if ! "$program" "$2"; then
  echo "===== Failed '$1' Module ====="
  exit 1
fi
echo "===== End '$1' Module ====="
