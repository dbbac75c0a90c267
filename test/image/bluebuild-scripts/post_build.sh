#!/usr/bin/env bash
# After the modules: nothing of /tmp, /var and /opt is for the image.
set -euo pipefail
source /scripts/exports.sh

# shellcheck disable=SC2115 # The paths are whole: nothing in them can be empty.
rm -rf /tmp/* /var/* /opt
ln -s /var/opt /opt
