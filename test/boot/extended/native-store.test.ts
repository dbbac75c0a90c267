/** The first-boot program is ended before each command that it runs, one after the other; the next run must repair it. */
import { expect, test } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

const check = `. /usr/local/lib/cut-at-each.sh
digest() { sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf; }
finished() {
  test "$(readlink -f /nix/var/nix/profiles/default/bin/nix)" = "$(readlink -f "/nix/var/nix/gcroots/bluebuild-nix/$(digest)/nix")/bin/nix" || echo "not followed"
  test -e "/nix/var/bluebuild-nix/follows/$(digest)" || echo 'no mark'
  test ! -e /nix/var/bluebuild-nix/work || echo 'work left'
  test ! -e /nix/var/bluebuild-nix/installing || echo 'not finished'
  NIX_CONFIG='build-users-group =' nix-store --verify --check-contents 2>&1 | grep -v -e ^reading -e ^checking || :
}
`;
const image = ({ version, path }: { version: string; path: string }) => ({
  entry: { installer: { provider: 'native' as const, version }, selinux: 'off' as const },
  download: path,
});

const older = image(await nixTarball('trixie'));
const newer = image(await nixTarball('forky'));

const endsWell = async (options: Parameters<typeof firstBoot>[1]): Promise<void> => {
  const { found } = await firstBoot('dash', { size: '4g', ...options });
  expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/);
};

test('a first boot that is cut off before each of its commands', { timeout: 900_000 }, () =>
  endsWell({
    ...newer,
    after: `${check}save; rm -rf /saved/var; mkdir /saved/var
cut_at_each $install`,
  }),
);

test(
  'an update that is cut off before each of its commands: the Nix that was there works in between',
  { timeout: 1_800_000 },
  () =>
    endsWell({
      ...older,
      others: { newer },
      after: `${check}save; cp -a /images/newer/. /
between() { nix --version >/dev/null || echo "no Nix after cut $at"; }
cut_at_each $install`,
    }),
);

test(
  'the takeover of an installer’s store that is cut off before each of its commands: what a user wrote is kept',
  { timeout: 1_800_000 },
  () =>
    endsWell({
      ...older,
      others: { newer },
      after: `${check}sed -i s/native/determinate/ /nix/var/bluebuild-nix/installed; rm -r /nix/var/bluebuild-nix/follows
mkdir -p /etc/systemd/system/sockets.target.wants /etc/tmpfiles.d /etc/fish/conf.d
echo mine >/etc/nix/nix.conf; echo mine >/etc/profile.d/nix.sh; echo mine >/etc/fish/conf.d/nix.fish
echo mine >/etc/systemd/system/nix-daemon.service; ln -s /mine /etc/systemd/system/nix-daemon.socket
ln -s ../nix-daemon.socket /etc/systemd/system/sockets.target.wants/nix-daemon.socket
ln -s /nix/mine /etc/tmpfiles.d/nix-daemon.conf
save; cp -a /images/newer/usr/. /usr/
eval "of_nix() $(declare -f finished | tail -n +2)"
finished() {
  of_nix
  ls /etc/systemd/system /etc/tmpfiles.d /etc/fish/conf.d | grep nix || :
  cmp /etc/nix/nix.conf /usr/share/bluebuild/nix/nix.conf
  for file in nix/nix.conf profile.d/nix.sh fish/conf.d/nix.fish systemd/system/nix-daemon.service; do
    grep -rqx mine /nix/var/bluebuild-nix/set-aside/etc/$file* || echo "$file is lost"
  done
}
cut_at_each $install`,
    }),
);

test('a repair that is cut off before each of its commands, a boot, and the repair again', { timeout: 1_800_000 }, () =>
  endsWell({
    ...older,
    after: `${check}damaged=$(readlink -f /nix/var/nix/profiles/default/bin/nix); chmod u+w $damaged; echo damage >>$damaged
chmod -R u+w /nix/store/*-nss-cacert*; rm /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt
save
begun=
between() { test -e "/nix/var/bluebuild-nix/follows/$(digest)" && begun= || begun=yes; }
eval "of_nix() $(declare -f finished | tail -n +2)"
# Once it has begun, the boot continues with it.
finished() {
  if [ ! "$begun" ]; then $install repair >/dev/null 2>&1 || echo "again: exit code $?"; fi
  of_nix
}
cut_at_each $install repair`,
  }),
);
