# Programs of Nix profiles, where no script of the distribution's Nix has done it: sorted after its nix-daemon.sh.
if [ -z "${__ETC_PROFILE_NIX_SOURCED:-}" ] && [ -n "${HOME-}" ]; then
    export __ETC_PROFILE_NIX_SOURCED=1
    nix_profile=${XDG_STATE_HOME:-$HOME/.local/state}/nix/profile
    if [ ! -e "$nix_profile" ]; then nix_profile=$HOME/.nix-profile; fi
    export NIX_PROFILES="/nix/var/nix/profiles/default $nix_profile"
    export XDG_DATA_DIRS="${XDG_DATA_DIRS:-/usr/local/share:/usr/share}:$nix_profile/share:/nix/var/nix/profiles/default/share"
    # For programs from nixpkgs: the certificates of the image.
    if [ -z "${NIX_SSL_CERT_FILE-}" ]; then
        for nix_certificates in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt; do
            if [ -e "$nix_certificates" ]; then export NIX_SSL_CERT_FILE="$nix_certificates"; fi
        done
        unset nix_certificates
    fi
    export PATH="$nix_profile/bin:/nix/var/nix/profiles/default/bin:$PATH"
    unset nix_profile
fi
