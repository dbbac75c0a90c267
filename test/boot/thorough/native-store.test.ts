/** The first-boot program is ended before each command that it runs, one after the other; the next run must repair it. */
import { expect, test } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

const install = '/usr/libexec/bluebuild/nix/nix-install';

// In front of every program that nix-install calls stands one that counts, and at the wanted count ends them all.
const interceptors = `mkdir /cut; for program in mv rm mkdir ln touch tar chmod sync flock find env unshare grep sha256sum \\
  cut sed ls df cp readlink systemctl systemd-notify; do
  printf '#!/bin/sh\\ncount=$(($(cat /run/count) + 1)); echo $count >/run/count
if [ $count -eq $(cat /run/cut-at) ]; then kill -9 0; fi\\nexec %s "$@"\\n' "$(command -v $program)" >/cut/$program
  chmod +x /cut/$program
done
uncut=$PATH
run() { echo 0 >/run/count; echo $1 >/run/cut-at; PATH=/cut:$uncut setsid --wait ${install} >/run/output 2>&1; }
`;
const check = `
finished() {
  test "$(readlink -f /nix/var/nix/profiles/default/bin/nix)" = "$(readlink -f /nix/var/nix/gcroots/bluebuild-nix/$1/nix)/bin/nix" || echo "not followed"
  test -e /nix/var/bluebuild-nix/follows/$1 || echo 'no mark'
  test ! -e /nix/var/bluebuild-nix/work || echo 'work left'
  test ! -e /nix/var/bluebuild-nix/installing || echo 'not finished'
  NIX_CONFIG='build-users-group =' nix-store --verify --check-contents 2>&1 | grep -v -e ^reading -e ^checking || :
}
digest=$(sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf)
cut_at_each() {
  at=0
  while :; do
    at=$((at + 1))
    rm -rf /var/lib/nix; cp -a /saved /var/lib/nix; mount --bind /var/lib/nix /nix
    run $at && code=0 || code=$?
    if [ $code -eq 0 ]; then echo "ended well after $((at - 1)) cuts"; finished $digest; umount /nix; break; fi
    if [ $code -ne 137 ]; then echo "cut $at: exit code $code"; cat /run/output; fi
    $1
    ${install} >/run/again 2>&1 || { echo "after cut $at: $?"; cat /run/again; }
    finished $digest | sed "s/^/after cut $at: /"
    umount /nix
  done
}
`;
const image = ({ version, path }: { version: string; path: string }) => ({
  entry: { installer: { provider: 'native' as const, version } },
  download: path,
});

const older = image(await nixTarball('trixie'));
const newer = image(await nixTarball('forky'));

test('a first boot that is cut off before each of its commands', { timeout: 900_000 }, async () => {
  const { found } = await firstBoot('dash', {
    ...newer,
    size: '4g',
    after: `${interceptors}${check}umount /nix; mkdir /saved; cut_at_each :`,
  });
  expect(found).toMatch(/^ended well after \d{2,} cuts\n$/);
});

test(
  'an update that is cut off before each of its commands: the Nix that was there works in between',
  { timeout: 1_800_000 },
  async () => {
    const { found } = await firstBoot('dash', {
      ...older,
      others: { newer },
      size: '4g',
      after: `${interceptors}${check}umount /nix; cp -a /var/lib/nix /saved; cp -a /images/newer/. /
digest=$(sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf)
between() { nix --version >/dev/null || echo "no Nix after cut $at"; }
cut_at_each between`,
    });
    expect(found).toMatch(/^ended well after \d{2,} cuts\n$/);
  },
);
