#!/bin/sh
# Runs before the modules, so that files installed to /opt go to /usr/lib/opt.
set -eu

mkdir -p /usr/lib/opt
rm -rf /opt
ln -s /usr/lib/opt /opt
