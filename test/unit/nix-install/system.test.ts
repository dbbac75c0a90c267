/** `system`: what the first-boot program does on machines with the distribution's Nix. */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { backends, distributionNix as nix, type FirstBoot, firstBoot } from './first-boot.ts';

const store = '/var/lib/nix';
const state = `${store}/var/bluebuild-nix`;
const keep = '/usr/libexec/bluebuild/nix/keep-database';
const asked = 'cat /run/asked 2>/dev/null || :; ';

const boot = (name: string, options: Parameters<typeof firstBoot>[1], check: (found: FirstBoot) => void) =>
  test.concurrent(name, { timeout: 60_000 }, async (context) => {
    needs(context, 'root', 'namespaces', 'dash', 'bash');
    const { before = '', ...rest } = options;
    check(await firstBoot('dash', { entry: { installer: 'system' }, before: nix('2.31.2') + before, ...rest }));
  });

boot(
  'a machine that has users of no package: they are made, and an empty store',
  { after: `${asked}cat ${state}/installed; ls ${store}/store ${state}/follows` },
  ({ code, stderr, found }) => {
    expect([code, stderr]).toEqual([0, '']);
    expect(found).toContain('systemd-sysusers /usr/lib/bluebuild/nix/sysusers.conf\n');
    expect(found).toContain('systemctl start nix-daemon.socket\n');
    expect(found).toContain('provider=system\nversion=2.31.2\n');
    expect(found).toMatch(/\/follows:\nsystem\n/);
  },
);

for (const [distribution, user] of [
  ['Fedora', 'nixbld-1'],
  ['Debian', 'nixbld1'],
]) {
  boot(
    `the users of ${distribution}'s package are enough`,
    {
      before: `echo '${user}:x:980:979::/var/empty:/sbin/nologin' >>/etc/passwd; echo 'nixbld:x:979:${user}' >>/etc/group\n`,
      after: `${asked}grep -c ^nixbld /etc/passwd`,
    },
    ({ code, stderr, found }) => {
      expect([code, stderr]).toEqual([0, '']);
      expect(found).not.toContain('systemd-sysusers');
      expect(found).toMatch(/\n1\n$/);
    },
  );
}

boot(
  'a person in nixbld: said, and nothing is begun',
  {
    before: "echo 'lab:x:1000:1000::/:/bin/sh' >>/etc/passwd; echo 'nixbld:x:979:lab' >>/etc/group\n",
    after: `ls ${state}`,
  },
  ({ code, stderr, found }) => {
    expect(code).toBe(78);
    expect(stderr).toMatch(/^<3>The group nixbld has the member lab: Nix would run builds as that user\.\n/);
    expect(found).toBe('');
  },
);

boot(
  "a store that Fedora's Nix made, with units by hand: adopted, and what a person wrote into nix.conf stays",
  {
    before: `mkdir -p ${store}/store/kept ${store}/var/nix/db /etc/nix; echo database >${store}/var/nix/db/db.sqlite
printf 10 >${store}/var/nix/db/schema; echo 'max-jobs = 1' >/etc/nix/nix.conf\n`,
    after: `ls -d ${store}/store/kept; cat /etc/nix/nix.conf; ls ${state}/databases; cat ${state}/databases/*/db.sqlite`,
  },
  ({ code, stdout, stderr, found }) => {
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe('Adopting the Nix store in /var/lib/nix\nNix is installed (an existing store was adopted).\n');
    expect(found).toBe(`${store}/store/kept\nmax-jobs = 1\nanother\ndatabase\n`);
  },
);

boot(
  'nix.conf of the package was deleted: it is there again',
  {
    before: `mkdir -p /usr/etc/nix /etc/nix; echo 'max-jobs = auto' | tee /usr/etc/nix/nix.conf >/etc/nix/nix.conf\n`,
    after: 'rm -r /etc/nix; /usr/libexec/bluebuild/nix/nix-install; cat /etc/nix/nix.conf',
  },
  ({ code, found }) => {
    expect(code).toBe(0);
    expect(found).toBe('Nix is installed.\nmax-jobs = auto\n');
  },
);

for (const [backend, machine] of Object.entries(backends)) {
  boot(
    `${backend}: the links by which the package enables its units, in the /etc of the image, stay`,
    {
      before: `mkdir -p /etc/systemd/system/sockets.target.wants
ln -s /usr/lib/systemd/system/nix-daemon.socket /etc/systemd/system/sockets.target.wants/nix-daemon.socket; ${machine}`,
      after: '/usr/libexec/bluebuild/nix/nix-install; ls /etc/systemd/system/sockets.target.wants | grep nix',
    },
    ({ code, found }) => {
      expect(code).toBe(0);
      expect(found).toBe('Nix is installed.\nnix-daemon.socket\n');
    },
  );
}

boot(
  'a Nix that does not run (a library is missing): said, and no store is begun',
  { before: `printf '#!/bin/sh\\nexit 127\\n' >/usr/bin/nix\n`, after: `ls ${state} 2>&1 || :` },
  ({ code, stderr, found }) => {
    expect(code).toBe(78);
    expect(stderr).toMatch(/^<3>The Nix of this image does not run; see its output above\.\n/);
    expect(found).not.toContain('install');
  },
);

boot(
  'first boot before anybody can log in: an empty store is made, and no unit that waits for it is started',
  {
    after: `rm -rf ${store}/* /run/asked; sed -i '/^case/i if [ "$*" = "--quiet is-active sockets.target" ]; then exit 3; fi' /usr/local/sbin/systemctl
ln -s /dev/null /etc/systemd/system/nix-install.service; /usr/libexec/bluebuild/nix/make-store; ls ${store} | wc -l
rm /etc/systemd/system/nix-install.service; /usr/libexec/bluebuild/nix/make-store; ls ${state}; ${asked}
mkdir ${store}/mine; touch ${store}/mine/file; rm -rf ${store}/var; /usr/libexec/bluebuild/nix/make-store; ls ${store}`,
  },
  ({ found }) => {
    // While nix-install.service is masked, no store is made.
    expect(found).toMatch(/^0\nMaking an empty store/);
    expect(found).toContain('Nix is installed.');
    expect(found).toMatch(/\ndaemon\ndatabase-used-by\nfollows\ninstalled\n/);
    expect(found).not.toContain('systemctl start nix-daemon.socket');
    // A store that is not empty is left to nix-install.service.
    expect(found).toMatch(/\nmine\nstore\n$/);
  },
);

boot(
  'a Nix that hangs before anybody can log in: ended in time, and nix-install.service starts over',
  {
    // As soon as Nix hangs, the stand-in ends its time limit: it sends SIGALRM to `timeout`.
    after: `rm -rf ${store}/*; mv /usr/bin/nix-store /run/nix-store; cat >/usr/bin/nix-store <<'end'
#!/bin/sh
read -r _ _ _ parent _ </proc/$PPID/stat; kill -ALRM "$parent"; exec sleep 600
end
chmod +x /usr/bin/nix-store
$(sed -n 's/^ExecStart=-//p' /usr/lib/systemd/system/nix-first-store.service) || echo "exit code $?"; ls ${state}
mv -f /run/nix-store /usr/bin/nix-store; /usr/libexec/bluebuild/nix/nix-install; ls ${state}`,
  },
  ({ found }) => {
    expect(found).toMatch(/\nexit code 124\ninstalling\nAn earlier attempt was interrupted: starting over\n/);
    expect(found).toMatch(/\ndaemon\ndatabase-used-by\nfollows\ninstalled\n$/);
  },
);

boot(
  'another Nix each time: the two latest copies stay; one cut off is made anew; one that is too new stops the daemon',
  {
    after: `for version in 2.32.0 2.33.0 2.34.0; do ${nix('$version')}${keep}; done; ls ${state}/databases | xargs
touch -d '1 hour ago' ${state}/databases/2.32.0; touch -d '30 minutes ago' ${state}/databases/2.33.0
echo half >${store}/var/nix/db/db.sqlite-wal; mkdir ${state}/database-before.new; echo half >${state}/database-before.new/db.sqlite
${nix('2.35.0')}${keep}; ls ${state}/databases | xargs; cat ${state}/databases/2.34.0/db.sqlite; ls ${state} | xargs
printf 11 >${store}/var/nix/db/schema; ${nix('2.34.0')}${keep} 2>&1 || echo "exit code $?"
printf 'Id=nix-daemon.socket\nActiveState=failed\n' >/run/shown; bluebuild-nix status | head -n 2; rm /run/shown
ls ${state}/databases | xargs; ${keep} restore; ${keep}; cat ${store}/var/nix/db/schema; echo; cat ${state}/databases/before-restore/schema`,
  },
  ({ code, found }) => {
    expect(code).toBe(0);
    expect(found).toBe(`2.32.0 2.33.0
2.33.0 2.34.0
database
daemon database-used-by databases follows installed
<3>Nix 2.34.0, that of this image, cannot use the database of the store since Nix 2.35.0 has used it (error: current Nix store schema is version 11, but I only support 10).
<3>Boot the image with the newer Nix. Or go back to a copy, which does not know what was added since: sudo ${keep} restore
exit code 1
Nix 2.34.0, that of this image, cannot use the database of the store since Nix 2.35.0 has used it (error: current Nix store schema is version 11, but I only support 10).
What to do        Boot the image with the newer Nix. Or go back to a copy, which does not know what was added since: sudo ${keep} restore
2.33.0 2.34.0
The database of the store is the one from before Nix 2.34.0 was replaced; the last one is in /nix/var/bluebuild-nix/databases/before-restore.
10
11`);
  },
);

boot(
  'an image with an installer after it: refused, and the status says which images have Nix',
  {
    others: { determinate: { entry: { installer: 'determinate' } } },
    after: `cp -a /images/determinate/. /; rm /usr/bin/nix*
/usr/libexec/bluebuild/nix/nix-install 2>&1 || echo $?; ls ${store}/store`,
  },
  ({ found }) =>
    expect(found)
      .toBe(`<3>The store in ${store} belongs to \`installer: system\` and has no Nix of its own, and determinate's nix-installer is not run.
<3>An image with \`installer: system\` or \`native\` has Nix and keeps all packages; or, to start over, delete ${store} and reboot.
78
`),
);
