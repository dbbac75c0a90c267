# shellcheck shell=bash
# What tests with a real Nix and no machine share: sourced by the files beside it, in the root of `firstBoot`.
# shellcheck disable=SC2034 # for the files that source this one
install=/usr/libexec/bluebuild/nix/nix-install
state=/nix/var/bluebuild-nix
profile=/nix/var/nix/profiles/default
# This root has no nixbld users.
export NIX_CONFIG=$'build-users-group =\nsandbox = false'

# Prints what is wrong with the store.
verify() {
    nix-store --verify --check-contents 2>&1 | grep -v -e ^reading -e ^checking || :
}

# NAME: installs a program that prints its name into the default profile.
install_program() {
    mkdir -p "/tmp/$1/bin"
    echo "echo $1" >"/tmp/$1/bin/$1"
    chmod +x "/tmp/$1/bin/$1"
    nix-env --profile "$profile" --install "$(nix-store --add "/tmp/$1")" 2>/dev/null
}

# PATH...: makes the default profile one of `nix profile`, with these store paths and a program `mine` in it.
use_nix_profile() {
    mkdir -p /tmp/mine/bin
    echo 'echo mine' >/tmp/mine/bin/mine
    chmod +x /tmp/mine/bin/mine
    mine=$(nix-store --add /tmp/mine)
    rm "$profile"*
    "$1/bin/nix" --extra-experimental-features nix-command profile install --profile "$profile" "$@" "$mine"
}

# Prints the names of the store paths in a default profile of `nix profile`.
list_nix_profile() {
    nix --extra-experimental-features nix-command profile list --json --profile "$profile" |
        grep -o '/nix/store/[^"]*' | cut -d - -f 2- | sort
}
