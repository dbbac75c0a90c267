# Nix has no profile script for Nushell: this does what it does for other shells.
if ('/nix/var/nix/profiles' | path exists) and ($env.HOME? | is-not-empty) {
    let recent = ($env.XDG_STATE_HOME? | default ($env.HOME | path join .local state)) | path join nix profile
    let profile = if ($recent | path exists) { $recent } else { $env.HOME | path join .nix-profile }
    let profiles = [$profile /nix/var/nix/profiles/default]
    $env.NIX_PROFILES = ($profiles | reverse | str join ' ')
    $env.PATH = ($env.PATH | split row (char esep) | prepend ($profiles | each {|one| $one | path join bin }) | uniq)
    $env.XDG_DATA_DIRS = (
        $env.XDG_DATA_DIRS? | default --empty '/usr/local/share:/usr/share' | split row ':'
        | append ($profiles | each {|one| $one | path join share }) | uniq | str join ':'
    )
    if ($env.NIX_SSL_CERT_FILE? | is-empty) {
        let files = [
            /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-bundle.crt /etc/pki/tls/certs/ca-bundle.crt
            /nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt
        ] | where {|file| $file | path exists }
        if ($files | is-not-empty) { $env.NIX_SSL_CERT_FILE = ($files | first) }
    }
}
