/** Tests with a real Nix but no machine: the first-boot program runs on this kernel, in a root of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

vi.setConfig({ testTimeout: 300_000 });

const stores = join(import.meta.dirname, '../stores');
const libraries = ['real-nix.sh', 'native-store.sh'].map((name) => join(stores, name));
/** Bash for `after`: a function of native-store.sh, with its arguments. */
const call = (words: string): string => `. /usr/local/lib/native-store.sh; ${words}`;

const older = await nixTarball('trixie');
const newer = await nixTarball('forky');
const imageOf = ({ version, path }: { version: string; path: string }) => ({
  entry: { installer: { provider: 'native' as const, version }, selinux: 'off' as const },
  download: path,
});
const images = { older: imageOf(older), newer: imageOf(newer) };
const boot = (options: Partial<Parameters<typeof firstBoot>[1]>) =>
  firstBoot('dash', { ...images.older, others: images, libraries, ...options });

describe.each(['dash', 'bash'])('%s', (shell) => {
  test('first boot: a store that verifies, its roots, and a profile with Nix and its certificates', async () => {
    const { code, stdout, found } = await firstBoot(shell, {
      ...images.older,
      libraries,
      after: call('show_first_boot'),
    });
    expect([code, stdout]).toEqual([
      0,
      `Installing Nix ${older.version} into /var/lib/nix\nNix is installed. Open a new terminal and try: nix --version\n`,
    ]);
    expect(found).toBe(`nix (Nix) ${older.version}
daemon
follows
follows/DIGEST
installed
nix-${older.version}
nss-cacert-0.debian-trixie
/nix/var/nix/gcroots/bluebuild-nix/DIGEST/nix -> /nix/store/${await storeName(found)}
provider=native
version=${older.version}
systemctl start nix.mount
systemd-sysusers /usr/lib/bluebuild/nix/sysusers.conf
systemd-notify --status=Installing Nix ${older.version} into /var/lib/nix
systemctl start nix-daemon.socket
systemd-notify --status=Nix is installed. Open a new terminal and try: nix --version
`);
  });
});

/** The store path of Nix in `found`: the test does not check it, because the lab chooses it. */
const storeName = async (found: string): Promise<string> => /\/nix\/store\/(\S+)/.exec(found)?.[1] ?? '';

test('a user without the daemon, as in a container with this /nix: what is installed runs, and Nix says that it cannot more', async () => {
  const { found } = await boot({ after: call('use_without_daemon') });
  expect(found).toMatch(
    /^mine\nnix \(Nix\) [0-9.]+\n[^\n]*db\/big-lock': Permission denied\nexit 1\n.*daemon-socket.*\nexit 1\n$/s,
  );
});

test('an update and a rollback: the profile follows, and what else is in it stays', async () => {
  const { found } = await boot({ after: call('update_and_roll_back') });
  const versions = (version: string, suite: string): string =>
    `nix (Nix) ${version}\nmine\nmine\nnix-${version}\nnss-cacert-0.debian-${suite}\n`;
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
${versions(newer.version, 'forky')}systemctl try-restart nix-daemon.service
1
2
2
2
Nix is installed.
0
Changing to the Nix of this image: ${older.version}
Nix is installed.
${versions(older.version, 'trixie')}`);
});

test('a default profile of `nix profile` stays one', async () => {
  const { found } = await boot({ after: call('update_nix_profile') });
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
nix (Nix) ${newer.version}
mine
mine
nix-${newer.version}
nss-cacert-0.debian-forky
`);
});

test.each([
  ['releases', '--to-base32', 'sha256:'],
  ['newer Nix', '--to-sri', ''],
])('digests as %s have them: what is whole stays in its place', async (_, form, prefix) => {
  const { found } = await boot({ after: call(`boot_with_digests ${form} '${prefix}'`) });
  expect(found).toBe(`2\nChanging to the Nix of this image: ${older.version}\nNix is installed.\n1\n`);
});

test('repair: what is damaged of Nix itself comes from the image; what is not its own is named', async () => {
  const { found } = await boot({ after: call('damage_and_repair') });
  expect(found).toMatch(
    new RegExp(`^broken
Replacing a damaged path: /nix/store/\\S+
Replacing a damaged path: /nix/store/\\S+
Nix ${older.version} itself is intact\\. Verifying everything else in the store
The store is intact\\.
nix \\(Nix\\) ${older.version}
mine
nix-${older.version}
nss-cacert-0\\.debian-trixie
was modified
Some paths are damaged and could not be repaired; they are named above\\.
A substituter may have them: .*PATH
usage: nix-install \\[repair \\| move \\[DIRECTORY\\]\\]
2
$`),
  );
});

test('no room for an update: said, and the Nix that was there keeps working', async () => {
  const { found } = await boot({ size: '560m', after: call('update_without_room') });
  const kept = `nix (Nix) ${older.version}\ndaemon\nfollows\ninstalled\n`;
  const changing = `Changing to the Nix of this image: ${newer.version}\n`;
  expect(found).toMatch(
    new RegExp(`^${changing}<3>Not enough room for Nix: /var/lib/nix has \\d+ MiB free, and 512 MiB are needed\\. The existing Nix keeps working\\.
<3>Make room on that disk\\. The installation is tried again\\.
75
${kept.replace(/[()]/g, '\\$&')}${changing}<3>The disk that holds /var/lib/nix became full while Nix ${newer.version} was installed\\. The existing Nix keeps working\\.
<3>Make room on it\\. The installation is tried again\\.
${kept.replace(/[()]/g, '\\$&')}${changing}Nix is installed\\.
nix \\(Nix\\) ${newer.version}
$`),
  );
});

test.each([
  ['no tarball', '/bin/true', 'again', 75],
  ['a tarball of something else', 'etc', 'never', 78],
])('%s: said, and nothing is left half done', async (_, file, __, code) => {
  const directory = mkdtempSync('/tmp/native-store-');
  try {
    const other = join(directory, 'other.tar.xz');
    if (file === 'etc') execFileSync('tar', ['-cJf', other, '-C', '/etc', 'passwd', 'group']);
    const download = file === 'etc' ? other : file;
    const result = await firstBoot('dash', { ...images.older, download, after: 'find /nix -mindepth 1 | sort' });
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(
      file === 'etc'
        ? /^<3>The Nix tarball of this image contains no Nix store\.\n/m
        : /^<3>Nix .* could not be installed/m,
    );
    expect(result.found).not.toMatch(/store|profiles|work/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('looking after the store: garbage goes, what a profile, a root or either image needs stays, and damage is recorded', async () => {
  const maintained = { ...images.older, entry: { ...images.older.entry, maintenance: 'on' as const } };
  const { found } = await firstBoot('dash', {
    ...maintained,
    others: { newer: { ...images.newer, entry: { ...images.newer.entry, maintenance: 'on' } } },
    libraries,
    after: call('maintain_twice'),
  });
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
mine
2
1
1
collected
freed
optimised
verified
verify
verify=intact
exit code 1
verify=damaged
failure=Paths in the store are damaged; they are named above.
`);
});
