#!/bin/bash
set -ouex pipefail

# Packages, settings and units of your own; for example:
# dnf5 install -y tmux
