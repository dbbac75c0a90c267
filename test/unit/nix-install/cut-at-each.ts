/**
 * Bash for `after` of `firstBoot`: `cut_at_each [repair]` begins each time with what is saved, ends nix-install before the
 * first of the commands that it runs, before the second, and so on until it ends well, and after each cut lets a boot repair
 * it. Prints what went otherwise than it should, and how many cuts there were. The caller has `save`d, and defines
 * `finished`, which prints what is wrong at the end, and maybe `between`, which is called before the boot.
 */
export const cutAtEach = `install=/usr/libexec/bluebuild/nix/nix-install
changing='systemd/system tmpfiles.d nix profile.d fish'
between() { :; }
save() {
  umount /nix; cp -a /var/lib/nix /saved; mkdir /saved-etc
  for name in $changing; do if [ -e "/etc/$name" ]; then cp -a --parents "/etc/$name" /saved-etc; fi; done
}
restore() {
  rm -rf /var/lib/nix; cp -a /saved /var/lib/nix; mount --bind /var/lib/nix /nix
  for name in $changing; do rm -rf "/etc/$name"; done
  cp -a /saved-etc/. /
}
# In front of every program that nix-install calls stands one that counts, and at the wanted count ends them all.
mkdir /cut
for program in mv rm mkdir ln touch tar chmod sync flock find env unshare grep sha256sum cut sed ls df cp cmp rmdir cat \\
  readlink systemctl systemd-notify systemd-sysusers; do
  printf '#!/bin/sh\\nread -r count </run/count; count=$((count + 1)); echo $count >/run/count; read -r at </run/cut-at
if [ $count -eq $at ]; then kill -9 0; fi\\nexec %s "$@"\\n' "$(command -v $program)" >/cut/$program
  chmod +x /cut/$program
done
cut_at_each() {
  at=0
  while :; do
    at=$((at + 1)); restore; echo 0 >/run/count; echo $at >/run/cut-at
    PATH=/cut:$PATH setsid --wait $install "$@" >/run/output 2>&1 && code=0 || code=$?
    if [ $code -eq 0 ]; then echo "ended well after $((at - 1)) cuts"; finished; umount /nix; break; fi
    if [ $code -ne 137 ]; then echo "cut $at: exit code $code"; cat /run/output; fi
    between
    $install >/run/again 2>&1 || { echo "after cut $at: $?"; cat /run/again; }
    finished | sed "s/^/after cut $at: /"
    umount /nix
  done
}
`;
