/** Unusual states of machines, and what the first-boot program does: it never says "Nix is installed" without Nix. */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { type FirstBoot, backends, firstBoot } from './first-boot.ts';

const boot = (name: string, options: Parameters<typeof firstBoot>[1], check: (found: FirstBoot) => void) =>
  test.concurrent(name, { timeout: 60_000 }, async (context) => {
    needs(context, 'root', 'namespaces', 'dash', 'bash');
    check(await firstBoot('dash', options));
  });

const store = '/var/lib/nix';
const state = `${store}/var/bluebuild-nix`;
const harness = '. /usr/local/lib/cut-at-each.sh\n';

/** Bash that boots the machine in its current state; prints the output, and the exit code if the boot fails. */
const bootAgain = 'boot 2>&1 || echo "exit code $?"\n';
const isInstalled = 'Nix is installed.\n';

for (const unit of ['nix.mount', 'nix-daemon.socket', 'nix-daemon.service']) {
  boot(
    `a mask of ${unit} stays, and the status says what follows`,
    {
      before: `ln -s /dev/null /etc/systemd/system/${unit}`,
      after: `readlink /etc/systemd/system/${unit}; ls ${store}/store 2>&1 || :
rm /etc/systemd/system/${unit}; /usr/libexec/bluebuild/nix/nix-install >/dev/null
ln -s /dev/null /etc/systemd/system/${unit}; /usr/libexec/bluebuild/nix/nix-install 2>&1 || echo $?
readlink /etc/systemd/system/${unit}; ls ${store}/store; ls /run/bluebuild-nix
rm /etc/systemd/system/${unit}; /usr/libexec/bluebuild/nix/nix-install; ls /run/bluebuild-nix`,
    },
    ({ code, stderr, found }) => {
      const masked = (where: string): string => `<3>${unit} is masked, so Nix cannot be used on this machine.${where}
<3>To use it: systemctl unmask ${unit} && systemctl restart nix-install
`;
      expect([code, stderr]).toEqual([78, masked('')]);
      // The message names a store that is not mounted.
      const again = masked(unit === 'nix.mount' ? ` The store is in ${store}.` : '');
      expect(found).toBe(
        `/dev/null\nls: cannot access '${store}/store': No such file or directory\n${again}78\n/dev/null\nnew\nfailed\n${isInstalled}`,
      );
    },
  );
}

boot(
  'a mask of a unit that an installer would write: said before anything is begun',
  { before: 'ln -s /dev/null /etc/systemd/system/ensure-symlinked-units-resolve.service', after: `ls ${state}` },
  ({ code, stderr, found }) => {
    expect(code).toBe(78);
    expect(stderr).toMatch(/^<3>ensure-symlinked-units-resolve\.service is masked/);
    expect(found).toBe('');
  },
);

boot(
  'a mask of Determinate’s socket, for one boot: it stays, and Nix can be used',
  {
    after: `mkdir -p /run/systemd/system; ln -s /dev/null /run/systemd/system/determinate-nixd.socket
/usr/libexec/bluebuild/nix/nix-install; readlink /run/systemd/system/determinate-nixd.socket`,
  },
  ({ found }) => expect(found).toBe(`${isInstalled}/dev/null\n`),
);

boot(
  'a mask in the way of an adoption stays',
  {
    before: `mkdir -p ${store}/store ${store}/var/nix/profiles/default/bin ${store}/var/nix/db; : >${store}/var/nix/db/db.sqlite
cp /bin/true ${store}/var/nix/profiles/default/bin/nix-daemon; ln -s /dev/null /etc/systemd/system/nix-directory.service`,
    after: 'readlink /etc/systemd/system/nix-directory.service',
  },
  ({ code, found }) => expect([code, found]).toEqual([0, '/dev/null\n']),
);

boot(
  'a factory reset that keeps /etc, with another `nix-conf` since: Nix is installed again, and what was in nix.conf is kept',
  {
    before: 'mkdir -p /etc/nix; echo "old = setting" >/etc/nix/nix.conf; echo mine >/etc/nix/nix.custom.conf',
    after: `${harness}cat /etc/nix/nix.conf; cat /etc/nix/nix.conf.old /etc/nix/nix.custom.conf.old
rm -rf ${store} /var/lib/bluebuild-nix; ${bootAgain} cat /etc/nix/nix.conf.old /etc/nix/nix.conf.old.~1~`,
  },
  ({ code, stdout, found }) => {
    expect(code).toBe(0);
    expect(stdout).toContain('Renamed /etc/nix/nix.conf to /etc/nix/nix.conf.old: the installer writes its own.\n');
    expect(found).toMatch(
      /^experimental-features = nix-command flakes\nold = setting\nmine\n(.*\n)*Nix is installed\. Open.*\nexperimental-features.*\nold = setting\n$/,
    );
  },
);

boot(
  'an attempt that fails leaves no nix.conf behind that the next one would stop at',
  {
    before: `touch /run/installer-fails; mkdir -p /etc/nix; echo mine >/etc/nix/nix.conf
sed -i '/it did not work/i echo half >/etc/nix/nix.conf' /usr/libexec/bluebuild/nix/nix-installer
sed -i "s/^sha256=.*/sha256=$(sha256sum /usr/libexec/bluebuild/nix/nix-installer | cut -d ' ' -f 1)/" /usr/share/bluebuild/nix/install.conf`,
    after: `/usr/libexec/bluebuild/nix/nix-install >/dev/null 2>&1 || :; ls /etc/nix; cat /etc/nix/nix.conf.old`,
  },
  ({ code, found }) => expect([code, found]).toEqual([75, 'nix.conf.old\nmine\n']),
);

for (const [backend, machine] of Object.entries(backends)) {
  boot(
    `${backend}: after an attempt that fails, the nix.conf of the image is there again`,
    {
      before: `mkdir -p /etc/nix; echo image >/etc/nix/nix.conf; ${machine}
touch /run/installer-fails; echo mine >/etc/nix/nix.conf`,
      after: `/usr/libexec/bluebuild/nix/nix-install >/dev/null 2>&1 || :; cd /etc/nix; ls; cat nix.conf nix.conf.old`,
    },
    ({ code, found }) => expect([code, found]).toEqual([75, 'nix.conf\nnix.conf.old\nimage\nmine\n']),
  );
}

boot(
  'a factory reset that keeps /var: users, nix.conf and profile come back',
  {
    after: `${harness}rm -r /etc/nix /etc/profile.d/nix.sh; sed -i /nixbld/d /etc/passwd /etc/group; ${bootAgain}
cat /etc/nix/nix.conf; ls /etc/profile.d/nix.sh; grep -c nixbld /etc/passwd`,
  },
  ({ found }) =>
    expect(found).toBe(`${isInstalled}experimental-features = nix-command flakes\n/etc/profile.d/nix.sh\n32\n`),
);

boot(
  'rm -rf of the persistence: Nix is installed again',
  { after: `${harness}boot; umount /nix; rm -rf ${store}; ${bootAgain}ls ${store}/store` },
  ({ found }) =>
    expect(found).toMatch(
      /^Nix is installed\.\nRenamed .*\nInstalling Nix .*\n(.*\n)*Nix is installed\. Open.*\nnew\n$/,
    ),
);

const lost = [
  ['Nix itself deleted from the store', 'rm -r /nix/var/nix/profiles/default'],
  ['the database deleted', 'rm /nix/var/nix/db/db.sqlite'],
  ['what `nix-installer uninstall` leaves', 'rm -rf /nix/store /nix/var/nix /nix/receipt.json'],
] as const;
for (const [name, command] of lost) {
  boot(`${name}: never taken for installed`, { after: `${harness}${command}; ${bootAgain}` }, ({ found }) =>
    expect(found).toBe(`<3>The store in ${store} has lost Nix itself (/nix/var/nix/profiles/default).
<3>An image with \`installer: native\` puts it back and keeps all packages; or delete ${store} and reboot to start over.
exit code 78
`),
  );
}

boot(
  'another Nix in the default profile (nix upgrade-nix, determinate-nixd upgrade): nothing is changed',
  {
    after: `${harness}mv /nix/var/nix/profiles/default /nix/store/upgraded; ln -s /nix/store/upgraded /nix/var/nix/profiles/default
${bootAgain}readlink /nix/var/nix/profiles/default; readlink -e ${state}/daemon`,
  },
  ({ found }) => expect(found).toBe(`${isInstalled}/nix/store/upgraded\n/nix/store/upgraded/bin/nix-daemon\n`),
);

boot(
  "a store of Determinate's on a machine without determinate-nixd (a disk from another one): Nix's own daemon runs",
  {
    after: `${harness}touch ${state}/determinate-nixd; rm -f ${state}/daemon; ${bootAgain}
ls ${state}; readlink ${state}/daemon; grep determinate /run/asked | tail -n 1`,
  },
  ({ found }) =>
    expect(found).toBe(`<4>/usr/local/bin/determinate-nixd is missing: Nix runs its own daemon instead.
${isInstalled}daemon
etc-nix
installed
set-aside
/nix/var/nix/profiles/default/bin/nix-daemon
systemctl start determinate-nixd.socket
`),
);

boot(
  "a backup that was restored with a user's owners: not taken for installed, and what to do is said",
  {
    after: `${harness}chown -R 1000:1000 ${store}; ${bootAgain} chown -hR root:root ${store}; ${bootAgain}`,
  },
  ({ found }) =>
    expect(found).toBe(`<3>The Nix store in ${store} belongs to another user: /nix is not root's.
<3>If it was restored from a backup: chown -hR root:root ${store} && systemctl restart nix-install
exit code 78
${isInstalled}`),
);

boot(
  "the same on a machine that knows itself installed: the daemon does not start from a user's store, and the service says why",
  {
    after: `/usr/libexec/bluebuild/nix/ensure-owned; chown 1000:1000 ${store}/var
: >/run/asked; /usr/libexec/bluebuild/nix/ensure-owned 2>&1 || echo "exit code $?"
ls /run/bluebuild-nix; grep systemctl /run/asked`,
  },
  ({ found }) =>
    expect(found).toBe(`<3>/nix/var belongs to another user, so the daemon does not start. See: bluebuild-nix doctor
exit code 1
failed
systemctl start --no-block nix-install.service
`),
);

const groups = [
  [
    'of a distribution, with no members',
    'nixbld:x:980:',
    /^<3>The group nixbld has no members in \/etc\/group, so Nix cannot build\.\n<3>If nothing else .*: groupdel nixbld; systemctl/,
  ],
  [
    'with a person in it',
    'nixbld:x:30000:alice',
    /^<3>The group nixbld has the member alice: Nix would run builds as that user\.\n<3>Remove it: gpasswd --delete alice nixbld; systemctl/,
  ],
  [
    'with a member that is gone',
    'nixbld:x:30000:nixbld77',
    /^<3>The group nixbld has the member nixbld77, who is not in \/etc\/passwd/,
  ],
] as const;
for (const [name, line, message] of groups) {
  boot(
    `a group nixbld ${name}: said, and nothing is installed`,
    { before: `echo ${line} >>/etc/group`, after: `ls ${state}` },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(message);
      expect(found).toBe('');
    },
  );
}

boot(
  'a group nixbld that Nix cannot read, below /usr: said',
  { before: 'echo nixbld:x:980: >/usr/lib/group' },
  ({ code, stderr }) => {
    expect(code).toBe(78);
    expect(stderr).toMatch(/^<3>The group nixbld has no members in \/etc\/group/);
  },
);

boot(
  'a finished download in the cache that is another one: not run, downloaded again',
  {
    entry: { installer: { embed: false } },
    // The stand-in for curl fails, so the error below shows that the file is downloaded again.
    before: `sha256=$(sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf)
mkdir -p /var/cache/bluebuild-nix; other=/var/cache/bluebuild-nix/nix-installer-$sha256
printf '#!/bin/sh\\ntouch /run/other-was-run\\n' >$other; chmod +x $other
printf '#!/bin/sh\\nexit 6\\n' >/usr/local/sbin/curl; chmod +x /usr/local/sbin/curl`,
    after: 'ls /run/other-was-run 2>/dev/null || :',
  },
  ({ code, stderr, found }) => {
    expect(code).toBe(75);
    expect(stderr).toMatch(/^<3>Cannot download the installer/);
    expect(found).toBe('');
  },
);

boot(
  'no network: when one comes it is tried at once, and where nothing is downloaded nobody waits for one',
  {
    entry: { installer: { embed: false } },
    before: `printf '#!/bin/sh\\nexit 6\\n' >/usr/local/sbin/curl; chmod +x /usr/local/sbin/curl; mkdir -p /var/cache/bluebuild-nix`,
    after: 'grep ^systemctl.*network /run/asked',
  },
  ({ found }) =>
    expect(found).toBe(`systemctl stop nix-install-network.path
systemctl start network-online.target
systemctl start --no-block nix-install-network.path
`),
);
