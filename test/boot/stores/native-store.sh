# shellcheck shell=bash
# What core/native-store.test.ts does after the first boot of an image with `installer: native`.
# shellcheck source=test/boot/stores/real-nix.sh
. /usr/local/lib/real-nix.sh
set -eu
roots=/nix/var/nix/gcroots/bluebuild-nix

# NAME: the machine boots that image.
update_to() {
    rm -f /run/asked
    cp -a "/images/$1/." /
    "$install"
}

list_default_profile() {
    nix-env --profile "$profile" --query | sort
}

number_of_nix() {
    find /nix/store -maxdepth 1 -name '*-nix-[0-9]*' | wc -l
}

show_first_boot() {
    find /nix/store -perm /222 ! -type l ! -path /nix/store ! -path /nix/store/.links
    find /nix/store -mindepth 1 -newermt @1 ! -path /nix/store/.links
    find /root -mindepth 1 -maxdepth 1 -name '*nix*'
    nix --version
    find "$state" -mindepth 1 -maxdepth 2 -printf '%P\n' | sed 's/[0-9a-f]\{64\}/DIGEST/' | sort
    verify
    list_default_profile
    nix-store --query --roots "$(readlink -f "$profile/bin/nix")" | grep bluebuild-nix | sed 's/[0-9a-f]\{64\}/DIGEST/'
    cat "$state/installed" /run/asked
}

as_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups env -i HOME=/tmp/user "PATH=$profile/bin:/usr/bin:/bin" "$@"
}

add_as_user() {
    as_user nix-store --add /etc/passwd 2>&1 || echo "exit $?"
}

use_without_daemon() {
    install_program mine
    install --directory --owner=65534 /tmp/user
    rm -rf /nix/var/nix/daemon-socket
    as_user mine
    as_user nix --version
    add_as_user
    mkdir /nix/var/nix/daemon-socket
    cd /nix/var/nix/daemon-socket
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die'
    add_as_user
}

update_and_roll_back() {
    install_program mine
    mkdir "$roots/of-an-older-image"
    touch -d @1 "$roots/of-an-older-image"
    update_to newer
    nix --version
    "$profile/bin/mine"
    verify
    list_default_profile
    grep try-restart /run/asked
    find "$state/follows" -mindepth 1 | wc -l
    find "$roots" -mindepth 1 -maxdepth 1 | grep -c '[0-9a-f]\{64\}'
    find "$roots" -mindepth 1 -maxdepth 1 | wc -l
    nix-collect-garbage >/dev/null 2>&1
    number_of_nix
    # A later boot of the same image.
    rm -f /run/asked
    "$install"
    grep -c try-restart /run/asked || :
    # What the store has of the older Nix is enough.
    mv /usr/libexec/bluebuild/nix/nix.tar.xz /tmp/
    cp -a /images/older/usr/share/. /usr/share/
    "$install"
    nix --version
    "$profile/bin/mine"
    verify
    list_default_profile
}

update_nix_profile() {
    nix=$(readlink -f "$profile/bin/nix")
    certificates=$(readlink -f "$profile/etc/ssl/certs/ca-bundle.crt")
    use_nix_profile "${nix%/bin/nix}" "${certificates%/etc/*}"
    update_to newer
    nix --version
    "$profile/bin/mine"
    verify
    list_nix_profile
}

# FORM PREFIX: how the tarball writes digests, as an option of nix-hash and what comes before each.
boot_with_digests() {
    tarball=/usr/libexec/bluebuild/nix/nix.tar.xz
    mkdir /tmp/again
    tar -xf "$tarball" -C /tmp/again
    registration=$(echo /tmp/again/*/.reginfo)
    grep -x '[0-9a-f]\{64\}' "$registration" >/tmp/digests
    while read -r digest; do
        sed -i "s|^$digest$|$2$(nix-hash --type sha256 "$1" "$digest")|" "$registration"
    done </tmp/digests
    grep -c '^sha256[:-]' "$registration"
    tar -cf "$tarball" -C /tmp/again "$(ls /tmp/again)"
    sed -i "s/^sha256=.*/sha256=$(sha256sum "$tarball" | cut -d ' ' -f 1)/" /usr/share/bluebuild/nix/install.conf
    inodes=$(stat -c %i /nix/store/*-n*)
    "$install"
    test "$inodes" = "$(stat -c %i /nix/store/*-n*)"
    verify
    chmod u+w /nix/store/*-nss-cacert*/etc/ssl/certs/*
    echo damage >>"$(echo /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt)"
    "$install" repair | grep -c Replacing
    verify
}

damage_and_repair() {
    install_program mine
    damaged=$(readlink -f "$profile/bin/nix")
    chmod u+w "$damaged"
    head -c 1000000 "$damaged" >/tmp/half
    cat /tmp/half >"$damaged"
    chmod -R u+w /nix/store/*-nss-cacert*
    rm /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt
    nix --version >/dev/null 2>&1 || echo broken
    "$install" repair 2>/dev/null
    nix --version
    verify
    list_default_profile
    chmod u+w /nix/store/*-mine/bin
    echo >"$(echo /nix/store/*-mine)/bin/mine"
    "$install" repair 2>&1 | grep -o -e 'was modified' -e 'Some paths are damaged.*' -e 'A substituter.*PATH'
    "$install" again 2>&1 || echo $?
}

show_kept() {
    nix --version
    verify
    ls "$state"
}

update_without_room() {
    cp -a /images/newer/. /
    "$install" 2>&1 || echo $?
    show_kept
    # The room is thought to be enough, and is not.
    sed -i 's/^minimum-free.*/minimum-free-mebibytes=1/' /usr/share/bluebuild/nix/install.conf
    free=$(df --output=avail -BM /nix | tail -n 1 | tr -dc 0-9)
    fallocate -l $((free - 30))M /var/filler
    "$install" 2>&1 | grep -v ^tar || :
    show_kept
    rm /var/filler
    "$install"
    nix --version
    verify
}

maintain() {
    /usr/libexec/bluebuild/nix/maintain >/dev/null 2>&1 || echo "exit code $?"
}

maintain_twice() {
    record=$state/maintenance
    install_program mine
    install_program removed
    nix-env --profile "$profile" --uninstall removed 2>/dev/null
    update_to newer
    # Two equal files for the store to optimise, and a path that nothing needs.
    echo equal >/tmp/one
    cp /tmp/one /tmp/two
    for name in one two; do ln -s "$(nix-store --add "/tmp/$name")" "/nix/var/nix/gcroots/$name"; done
    echo nobody >/tmp/garbage
    garbage=$(nix-store --add /tmp/garbage)
    maintain
    if [ -e "$garbage" ]; then echo "$garbage is still there"; fi
    "$profile/bin/mine"
    number_of_nix
    find /nix/store -maxdepth 1 -name '*-removed' | wc -l
    stat -L -c %i /nix/var/nix/gcroots/one /nix/var/nix/gcroots/two | sort -u | wc -l
    cut -d = -f 1 "$record"
    grep verify "$record"
    verify
    # A month later, with a damaged path.
    one=$(readlink /nix/var/nix/gcroots/one)
    chmod +w "$one"
    echo other >"$one"
    sed -i /verified=/d "$record"
    maintain
    grep -e verify -e failure "$record"
}
