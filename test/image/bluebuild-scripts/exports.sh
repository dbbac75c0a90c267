#!/usr/bin/env bash
# Sets a module's environment as BlueBuild's CLI does (scripts/exports.sh there).

OS_VERSION=$(awk -F= '$1 == "VERSION_ID" { gsub(/"/, "", $2); print $2 }' /usr/lib/os-release)
case "$TARGETARCH" in
amd64) OS_ARCH=x86_64 ;;
arm64) OS_ARCH=aarch64 ;;
*) OS_ARCH=$TARGETARCH ;;
esac
export OS_VERSION OS_ARCH
mkdir -p /var/roothome /var/opt /var/lib/alternatives /var/usrlocal
