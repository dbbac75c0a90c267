# shellcheck shell=bash
# What extended/native-store.test.ts does after a first boot: it ends the program before each command that it runs.
# shellcheck disable=SC2317,SC2329 # `finished` and `between` are called by cut_at_each
# shellcheck source=test/unit/nix-install/cut-at-each.sh
. /usr/local/lib/cut-at-each.sh

digest() {
    sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf
}

# Prints what is not as it should be with a store of `native`.
expect_whole_store() {
    root=/nix/var/nix/gcroots/bluebuild-nix/$(digest)/nix
    if [ "$(readlink -f /nix/var/nix/profiles/default/bin/nix)" != "$(readlink -f "$root")/bin/nix" ]; then
        echo 'not followed'
    fi
    if [ ! -e "/nix/var/bluebuild-nix/follows/$(digest)" ]; then echo 'no mark'; fi
    if [ -e /nix/var/bluebuild-nix/work ]; then echo 'work left'; fi
    if [ -e /nix/var/bluebuild-nix/installing ]; then echo 'not finished'; fi
    NIX_CONFIG='build-users-group =' nix-store --verify --check-contents 2>&1 | grep -v -e ^reading -e ^checking || :
}

cut_first_boot() {
    save
    rm -rf /saved/var
    mkdir /saved/var
    finished() { expect_whole_store; }
    cut_at_each "$install"
}

cut_update() {
    save
    cp -a /images/newer/. /
    between() { nix --version >/dev/null || echo "no Nix after cut $at"; }
    finished() { expect_whole_store; }
    cut_at_each "$install"
}

cut_takeover() {
    sed -i s/native/determinate/ /nix/var/bluebuild-nix/installed
    rm -r /nix/var/bluebuild-nix/follows
    mkdir -p /etc/systemd/system/sockets.target.wants /etc/tmpfiles.d /etc/fish/conf.d
    for file in nix/nix.conf profile.d/nix.sh fish/conf.d/nix.fish systemd/system/nix-daemon.service; do
        echo mine >"/etc/$file"
    done
    ln -s /mine /etc/systemd/system/nix-daemon.socket
    ln -s ../nix-daemon.socket /etc/systemd/system/sockets.target.wants/nix-daemon.socket
    ln -s /nix/mine /etc/tmpfiles.d/nix-daemon.conf
    save
    cp -a /images/newer/usr/. /usr/
    finished() {
        expect_whole_store
        find /etc/systemd/system /etc/tmpfiles.d /etc/fish/conf.d -maxdepth 1 -name '*nix*'
        cmp /etc/nix/nix.conf /usr/share/bluebuild/nix/nix.conf
        for file in nix/nix.conf profile.d/nix.sh fish/conf.d/nix.fish systemd/system/nix-daemon.service; do
            grep -rqx mine "/nix/var/bluebuild-nix/set-aside/etc/$file"* || echo "$file is lost"
        done
    }
    cut_at_each "$install"
}

cut_repair() {
    damaged=$(readlink -f /nix/var/nix/profiles/default/bin/nix)
    chmod u+w "$damaged"
    echo damage >>"$damaged"
    chmod -R u+w /nix/store/*-nss-cacert*
    rm /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt
    save
    begun=''
    between() { if [ -e "/nix/var/bluebuild-nix/follows/$(digest)" ]; then begun=''; else begun=yes; fi; }
    # Once the repair has begun, the boot continues with it.
    finished() {
        if [ -z "$begun" ]; then "$install" repair >/dev/null 2>&1 || echo "again: exit code $?"; fi
        expect_whole_store
    }
    cut_at_each "$install" repair
}
