# shellcheck shell=bash
# Sourced by `before` and `after` of firstBoot (/usr/local/lib/cut-at-each.sh). `cut_at_each PROGRAM [ARGUMENT]` runs
# PROGRAM again and again, each time from the saved state. It kills PROGRAM before the first command that PROGRAM runs,
# then before the second, and so on until PROGRAM exits successfully. After each cut, a boot repairs the machine. Prints
# what is wrong, and the number of cuts. The caller must have called `save` and must define `finished`, which prints
# what is wrong at the end. It can define `between`, which is called before the boot.
install=/usr/libexec/bluebuild/nix/nix-install
find_store=/usr/libexec/bluebuild/nix/find-store
# `changing` is below /etc, `stores` is below /var.
changing='systemd/system tmpfiles.d nix profile.d fish'
stores='lib/nix lib/bluebuild-nix home/nix'
between() { :; }
cut_before='mv rm mkdir ln touch tar chmod sync flock find env unshare grep sha256sum cut sed ls df cp cmp rmdir cat readlink
stat tail tac du xargs sort mount umount mountpoint systemctl systemd-notify systemd-sysusers'

# Does what a boot does, in the same order.
boot() {
    while mountpoint -q /nix; do umount /nix; done
    rm -rf /run/bluebuild-nix
    if [ ! -s /etc/systemd/system/nix.mount ]; then
        if [ ! -e "$(sed -n 's/^ConditionPathExists=|!//p' /usr/lib/systemd/system/nix-find-store.service)" ] ||
            [ -d /var/home/nix/store ] || [ -e /var/lib/bluebuild-nix/second-store ]; then
            $find_store
        fi
        mountpoint -q /nix || systemctl start nix.mount
    else
        systemctl start nix.mount
    fi
    "${@:-$install}"
}

save() {
    while mountpoint -q /nix; do umount /nix; done
    mkdir -p /saved/etc /saved/var
    for name in $changing; do if [ -e "/etc/$name" ]; then (cd /etc && cp -a --parents "$name" /saved/etc); fi; done
    for name in $stores; do if [ -e "/var/$name" ]; then (cd /var && cp -a --parents "$name" /saved/var); fi; done
}

restore() {
    while mountpoint -q /nix; do umount /nix; done
    # A mount point cannot be removed, so it is emptied.
    for name in $stores; do
        rm -rf "/var/${name:?}" 2>/dev/null || find "/var/$name" -mindepth 1 -delete
    done
    for name in $changing; do rm -rf "/etc/${name:?}"; done
    rm -rf /run/bluebuild-nix
    cp -a /saved/etc/. /etc/
    cp -a /saved/var/. /var/
}

# Wraps every program that ours call in a script that counts the calls and kills the process group at the wanted count.
stand_in_front() {
    mkdir -p /cut
    for program in $cut_before; do
        cat >"/cut/$program" <<end
#!/bin/sh
read -r count </run/count; count=\$((count + 1)); echo \$count >/run/count; read -r at </run/cut-at
if [ \$count -eq \$at ]; then kill -9 0; fi
exec $(command -v "$program") "\$@"
end
        chmod +x "/cut/$program"
    done
}

cut_at_each() {
    stand_in_front
    at=0
    while :; do
        at=$((at + 1))
        restore
        case $1 in
        "$find_store") ;;
        *) boot true >/dev/null ;;
        esac
        echo 0 >/run/count
        echo $at >/run/cut-at
        PATH=/cut:$PATH setsid --wait "$@" >/run/output 2>&1 && code=0 || code=$?
        if [ "$code" -eq 0 ]; then
            echo "exited successfully after $((at - 1)) cuts"
            if [ "$1" = "$find_store" ]; then boot >/dev/null; fi
            finished
            break
        fi
        if [ "$code" -ne 137 ]; then
            echo "cut $at: exit code $code"
            cat /run/output
        fi
        between
        boot >/run/again 2>&1 || {
            echo "after cut $at: $?"
            cat /run/again
        }
        finished | sed "s/^/after cut $at: /"
    done
    while mountpoint -q /nix; do umount /nix; done
}
