# Programs of Nix profiles, where no script of the distribution's Nix has done it: sorted after its nix-daemon.sh.
if [ -n "${HOME-}" ]; then
    nix_profile=${XDG_STATE_HOME:-$HOME/.local/state}/nix/profile
    if [ ! -e "$nix_profile" ]; then nix_profile=$HOME/.nix-profile; fi
    if [ -z "${__ETC_PROFILE_NIX_SOURCED:-}" ]; then
        export __ETC_PROFILE_NIX_SOURCED=1
        export NIX_PROFILES="/nix/var/nix/profiles/default $nix_profile"
        export XDG_DATA_DIRS="${XDG_DATA_DIRS:-/usr/local/share:/usr/share}:$nix_profile/share:/nix/var/nix/profiles/default/share"
        # For programs from nixpkgs: the certificates of the image.
        if [ -z "${NIX_SSL_CERT_FILE-}" ]; then
            for nix_certificates in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt; do
                if [ -e "$nix_certificates" ]; then export NIX_SSL_CERT_FILE="$nix_certificates"; fi
            done
            unset nix_certificates
        fi
    fi
    # Also in a login shell within another: Debian's /etc/profile sets PATH anew in each.
    case :$PATH: in
    *":$nix_profile/bin:"*) ;;
    *) export PATH="$nix_profile/bin:/nix/var/nix/profiles/default/bin:$PATH" ;;
    esac
    unset nix_profile
fi
