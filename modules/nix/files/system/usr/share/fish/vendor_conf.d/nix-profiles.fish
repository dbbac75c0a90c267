# Programs of Nix profiles, as /etc/profile.d/nix-profiles.sh has them.
if test -z "$__ETC_PROFILE_NIX_SOURCED"; and test -n "$HOME"
    set --global --export __ETC_PROFILE_NIX_SOURCED 1
    set --local nix_profile "$HOME/.local/state/nix/profile"
    test -n "$XDG_STATE_HOME"; and set nix_profile "$XDG_STATE_HOME/nix/profile"
    test -e "$nix_profile"; or set nix_profile "$HOME/.nix-profile"
    set --global --export NIX_PROFILES "/nix/var/nix/profiles/default $nix_profile"
    test -n "$XDG_DATA_DIRS"; or set --global --export XDG_DATA_DIRS /usr/local/share:/usr/share
    set --global --export XDG_DATA_DIRS "$XDG_DATA_DIRS:$nix_profile/share:/nix/var/nix/profiles/default/share"
    if test -z "$NIX_SSL_CERT_FILE"
        for certificates in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt
            test -e $certificates; and set --global --export NIX_SSL_CERT_FILE $certificates
        end
    end
    fish_add_path --prepend --global /nix/var/nix/profiles/default/bin
    fish_add_path --prepend --global "$nix_profile/bin"
end
