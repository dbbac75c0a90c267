#!/bin/sh
# Runs the nix module on the image that is being built: nix.sh JSON (as BlueBuild calls it), or nix.sh RECIPE.
set -eu

if [ $# -ne 1 ] || [ -z "$1" ]; then
    printf "usage: nix.sh '{\"type\":\"nix\"}'\n       nix.sh RECIPE.yml\n" >&2
    exit 2
fi

case $0 in
*/*) program=${0%/*}/program ;;
*) program=./program ;;
esac
machine=$(uname -m)
case $machine in
x86_64) node=$program/node-amd64 ;;
aarch64) node=$program/node-arm64 ;;
*)
    printf 'nix: this module runs on x86_64 and aarch64, and this image is for %s\n' "$machine" >&2
    exit 1
    ;;
esac
if ! [ -f "$node" ] || ! [ -f "$program/cli.cjs" ]; then
    printf 'nix: the module is incomplete: %s is missing\n' "$node or $program/cli.cjs" >&2
    printf 'nix: use the module image of this architecture, or, in a checkout, run: npm run build\n' >&2
    exit 1
fi
# An archive or an upload on the way may have lost it; BlueBuild restores it for nix.sh alone.
[ -x "$node" ] || chmod +x "$node"

# A company's network: its proxy, and the authorities that the image trusts (Fedora's place, Debian's place).
if [ -n "${https_proxy:-}${HTTPS_PROXY:-}${http_proxy:-}${HTTP_PROXY:-}" ]; then
    export NODE_USE_ENV_PROXY=1
fi
for bundle in /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/certs/ca-certificates.crt; do
    if [ -r "$bundle" ]; then
        export NODE_USE_SYSTEM_CA=1 SSL_CERT_FILE="${SSL_CERT_FILE:-$bundle}"
        break
    fi
done

case $1 in
\{*) exec "$node" "$program/cli.cjs" bake --root / --config "$1" ;;
*) exec "$node" "$program/cli.cjs" bake --root / -- "$1" ;;
esac
