#!/usr/bin/env bash
# After the modules: nothing of /tmp, /var and /opt is for the image.
set -euo pipefail
source /scripts/exports.sh

rm -rf /tmp/* /var/* /opt
ln -s /var/opt /opt
