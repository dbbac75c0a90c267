/** `system` with a real Nix but no machine: the first-boot program runs on this kernel, in a root of its own. */
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { distributionNix } from '../lab/distribution-nix.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

vi.setConfig({ testTimeout: 300_000 });

const keep = '/usr/libexec/bluebuild/nix/keep-database';
const state = '/nix/var/bluebuild-nix';
const profile = '/nix/var/nix/profiles/default';
const suites = { older: await distributionNix('trixie'), newer: await distributionNix('forky') };
const tarball = await nixTarball('forky');
const system = { entry: { installer: 'system' as const, selinux: 'off' as const } };
const native = {
  entry: { installer: { provider: 'native' as const, version: tarball.version }, selinux: 'off' as const },
  download: tarball.path,
};
const determinate = { entry: { selinux: 'off' as const } };
const stores = join(import.meta.dirname, '../stores');
const libraries = ['real-nix.sh', 'system-store.sh'].map((name) => join(stores, name));
/** Bash for `after`: a function of system-store.sh. */
const call = (name: string): string => `. /usr/local/lib/system-store.sh
package_older() {
${suites.older}}
package_newer() {
${suites.newer}}
${name}`;

describe.each(['dash', 'bash'])('%s', (shell) => {
  test('first boot: an empty store that verifies, and nothing in the default profile or in /etc', async () => {
    const { code, stdout, stderr, found } = await firstBoot(shell, {
      ...system,
      before: suites.newer,
      libraries,
      after: call('show_first_boot'),
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `Making an empty store in /var/lib/nix for Nix ${tarball.version}\nNix is installed. Open a new terminal and try: nix --version\n`,
    );
    expect(found).toBe(`daemon
database-used-by
follows
installed
provider=system
version=${tarball.version}
/usr/bin/nix-daemon
ls: cannot access '${profile}': No such file or directory
ls: cannot access '/etc/nix': No such file or directory
systemctl start nix.mount
systemctl start nix-daemon.socket
Nix is installed.
ls: cannot access '${state}/databases': No such file or directory
`);
  });
});

test('`native`, `system`, and back: what a user installed stays, the Nix is that of the image', async () => {
  const { found } = await firstBoot('dash', {
    ...native,
    others: { system, native },
    size: '3g',
    libraries,
    after: call('native_system_and_back'),
  });
  const nix = `nix-${tarball.version} nss-cacert-0.debian-forky`;
  expect(found).toBe(`Taking over the store from \`installer: native\`
Nix is installed.
in the profile: mine
mine
system
Taking over the store from \`installer: system\`
Nix itself is missing from the store: installing it again
Nix is installed.
in the profile: later mine ${nix}
mine
later
Taking over the store from \`installer: native\`
Nix is installed.
in the profile: later mine
later
`);
});

test('an image with an installer after `system`: refused, and the Nix that the store came with is back', async () => {
  const { found } = await firstBoot('dash', {
    ...native,
    others: { system, determinate },
    libraries,
    after: call('installer_after_system'),
  });
  const nix = `nix-${tarball.version} nss-cacert-0.debian-forky`;
  const refused = `<3>The store in /var/lib/nix belongs to \`installer: system\`: the existing Nix keeps working, and determinate's nix-installer is not run.
<3>Write \`installer: system\` in the recipe of the image; or, to start over, delete /var/lib/nix and reboot.
exit code 78
`;
  expect(found).toBe(`Taking over the store from \`installer: determinate\`
Nix is installed.
${refused}in the profile: mine ${nix}
mine
Nix is installed.
in the profile: mine
${refused}`);
});

test('a default profile of `nix profile` stays one', async () => {
  const { found } = await firstBoot('dash', {
    ...native,
    others: { system },
    libraries,
    after: call('take_over_nix_profile'),
  });
  expect(found).toBe('Taking over the store from `installer: native`\nNix is installed.\nmine\nmine\n');
});

test('another Nix: a copy of the database from before; one that is too new is refused, and the copy put back', async () => {
  const { found } = await firstBoot('dash', {
    ...system,
    others: { system },
    before: suites.older,
    libraries,
    after: call('another_nix'),
  });
  expect(found).toMatch(
    new RegExp(`^Nix is installed\\.
2\\.34\\.8
2\\.26\\.3
<3>Nix 2\\.26\\.3, that of this image, cannot use the database of the store since Nix 2\\.34\\.8 has used it \\(error: .*schema.*11.*10.*\\)\\.
<3>Boot the image with the newer Nix\\. Or go back to a copy.*: sudo ${keep} restore
<3>Nix 2\\.26\\.3, that of this image, cannot use the store in /var/lib/nix; see above\\.
<3>Boot the image that you had before\\.
exit code 78
2\\.26\\.3
restored:
The database of the store is the one from before Nix 2\\.26\\.3 was replaced; the last one is in ${state}/databases/before-restore\\.
2\\.26\\.3
before-restore
mine
later
Nix is installed\\.
10$`),
  );
});
