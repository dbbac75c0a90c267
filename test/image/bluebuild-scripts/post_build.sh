#!/usr/bin/env bash
# Runs after the modules. Clears /tmp, /var and /opt, whose contents do not belong in the image.
set -euo pipefail
source /scripts/exports.sh

# shellcheck disable=SC2115 # The paths are literal: no part of them can be empty.
rm -rf /tmp/* /var/* /opt
ln -s /var/opt /opt
