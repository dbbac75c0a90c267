#!/bin/sh
# Before the modules: what installs to /opt lands in /usr/lib/opt.
set -eu

mkdir -p /usr/lib/opt
rm -rf /opt
ln -s /usr/lib/opt /opt
