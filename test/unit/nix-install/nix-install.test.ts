import { describe, expect, test } from 'vitest';
import { releases } from '../../../src/config/releases.ts';
import { needs } from '../../support/requirement.ts';
import { holdLocks } from '../hold-locks.ts';
import { firstBoot } from './first-boot.ts';

const store = '/var/lib/nix';
const state = `${store}/var/bluebuild-nix`;
const cutAtEach = '. /usr/local/lib/cut-at-each.sh\n';
const tree = (...paths: string[]) => `find ${paths.join(' ')} -mindepth 1 -printf '%P %l\\n' 2>/dev/null | sort; `;
const asked = 'cat /run/asked 2>/dev/null || :; ';
const determinateNixd = 'cp /bin/true /usr/local/bin/determinate-nixd\n';
const completeStore = `mkdir -p ${store}/store/kept ${store}/var/nix/profiles/default/bin ${store}/var/nix/db
echo kept >${store}/var/nix/db/db.sqlite
cp /bin/true ${store}/var/nix/profiles/default/bin/nix-daemon
`;

describe.each(['dash', 'bash'])('%s', (shell) => {
  const boot = (
    name: string,
    options: Parameters<typeof firstBoot>[1],
    check: (found: Awaited<ReturnType<typeof firstBoot>>) => void,
    timeout = 60_000,
  ) =>
    test.concurrent(name, { timeout }, async (context) => {
      needs(context, 'root', 'namespaces', shell as 'dash' | 'bash');
      check(await firstBoot(shell, options));
    });

  boot(
    'a user who locks all that he can does not stop it',
    {
      after: `rm -r /etc/nix
${holdLocks}
code=0; timeout 20 /bin/${shell} /usr/libexec/bluebuild/nix/nix-install || code=$?
kill $holder
cat /run/held/list
echo exited with $code`,
    },
    ({ found }) => {
      expect(found).toContain('/nix/var/bluebuild-nix\n');
      expect(found).toContain('exited with 0');
    },
  );

  boot(
    'a first boot: installed, handed over, started',
    {
      after: `${tree(state, '/etc/systemd/system')}${asked}cat ${state}/installed /run/installer-telemetry; ls ${store}`,
    },
    ({ code, stdout, stderr, found }) => {
      expect([code, stderr]).toEqual([0, '']);
      const { version } = releases.determinate;
      const installing = `Installing Nix with determinate's nix-installer ${version} into /var/lib/nix\n`;
      expect(stdout.split(installing)[1]).toContain('Nix is installed.');
      const lines = found.split('\n');
      expect(lines).toEqual(
        expect.arrayContaining([
          'installed ',
          'etc-nix/nix.conf ',
          'set-aside/etc/systemd/system/nix.mount ',
          'provider=determinate',
          `version=${version}`,
          'store',
          'var',
        ]),
      );
      expect(lines).toContain('set-aside/etc/systemd/system/nix-daemon.socket /nix/store/new/nix-daemon.socket');
      expect(lines).toContain('set-aside/etc/tmpfiles.d/nix-daemon.conf /nix/store/new/nix-daemon.conf');
      // No unit of the installer stays in /etc, and no link that enables one.
      expect(lines.filter((line) => /^(multi-user\.target\.wants\/)?(nix|ensure|determinate)/.test(line))).toEqual([]);
      expect(lines).not.toContain('installing ');
      expect(lines).toContain('systemd-sysusers /usr/lib/bluebuild/nix/sysusers.conf');
      const [stop, start] = [
        found.indexOf('systemctl stop nix-daemon.socket'),
        found.indexOf('systemctl start nix-daemon.socket'),
      ];
      expect(stop).toBeGreaterThan(-1);
      expect(start).toBeGreaterThan(stop);
      expect(lines).toContain('telemetry: disabled file:///dev/null');
    },
  );

  for (const [there, isAsked] of [
    [32, false],
    [31, true],
  ] as const) {
    const users = `members=
for number in $(seq ${there}); do
    echo "nixbld$number:x:$((30000 + number)):30000::/var/empty:/usr/sbin/nologin" >>/etc/passwd
    members=$members,nixbld$number
done
echo "nixbld:x:30000:\${members#,}" >>/etc/group`;
    boot(
      `${there} users that builds run as are there: ${isAsked ? 'the rest is made' : 'systemd-sysusers is not asked'}`,
      { before: users, after: asked },
      ({ code, found }) => {
        expect(code).toBe(0);
        expect(found.includes('systemd-sysusers')).toBe(isAsked);
      },
    );
  }

  for (const selinux of ['auto', 'off'] as const) {
    boot(
      `selinux: ${selinux}: the store is ${selinux === 'off' ? 'not ' : ''}labelled, in the background, once it is there`,
      { entry: { selinux }, after: asked },
      ({ code, found }) => {
        expect(code).toBe(0);
        const labels = found.indexOf('systemctl start --no-block nix-label.path nix-label.service');
        if (selinux === 'off') expect(found).not.toContain('nix-label');
        else expect(labels).toBeGreaterThan(found.indexOf('systemctl daemon-reload'));
      },
    );
  }

  const hostile = [
    '--proxy=$(touch /run/owned)',
    "--a='; touch /run/owned; '",
    '--b="`touch /run/owned`" \\',
    '--c=  two  blanks ',
    '--d=*',
    '-e',
    '%s\\n',
    '--f=ä 雪',
  ];
  boot(
    'the arguments of the recipe reach the installer exactly, and no shell',
    {
      entry: { persistence: '/var/home/nix-store_1.0', installer: { args: hostile } },
      after: 'cat /run/installer-arguments; ls /run/owned 2>/dev/null || :',
    },
    ({ found }) => {
      const fixed = [
        'install',
        'ostree',
        '--no-confirm',
        '--persistence',
        '/var/home/nix-store_1.0',
        '--extra-conf',
        '/usr/share/bluebuild/nix/nix.conf',
      ];
      expect(found.split('\0')).toEqual([...fixed, ...hostile, '']);
    },
  );

  boot(
    'installed already: nothing is done but what /etc lacks',
    {
      before: `${completeStore} mkdir -p ${state} /etc/nix; echo mine >/etc/nix/nix.conf; touch ${state}/installed`,
      after: `${asked}cat /etc/nix/nix.conf; ls /run`,
    },
    ({ code, stdout, found }) => {
      expect([code, stdout]).toEqual([0, 'Nix is installed.\n']);
      expect(found).toContain('mine\n');
      expect(found).not.toContain('installer-arguments');
    },
  );

  boot(
    'an /etc that never saw the store gets /etc/nix back from it',
    {
      before: `${completeStore} mkdir -p ${state}/etc-nix; echo saved >${state}/etc-nix/nix.conf; touch ${state}/installed`,
      after: `cat /etc/nix/nix.conf; ls /etc/nix.new 2>&1 || :; cat /etc/profile.d/nix.sh`,
    },
    ({ code, found }) => {
      expect(code).toBe(0);
      expect(found).toMatch(/^saved\n.*nix-daemon\.sh/s);
    },
  );

  boot(
    'and a new one from the image where the store has none',
    {
      before: `${completeStore} mkdir -p ${state} /etc/nix.new/half; touch ${state}/installed`,
      after: 'ls /etc/nix; cat /etc/nix/nix.conf',
    },
    ({ code, found }) => expect([code, found]).toEqual([0, 'nix.conf\nexperimental-features = nix-command flakes\n']),
  );

  boot(
    'a damaged installer: never again, nothing begun',
    { before: 'echo >>/usr/libexec/bluebuild/nix/nix-installer', after: tree(store) + asked },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(/^<3>The installer in this image is damaged: .*\n<3>Check the disk \(ostree fsck\)/);
      expect(found).not.toMatch(/installing|store/);
      expect(found).toMatch(/-notify --status=The installer in this image is damaged.* See: bluebuild-nix doctor\n/);
    },
  );

  boot('not enough room: again, with the numbers', { size: '100m', after: tree(store) }, ({ code, stderr, found }) => {
    expect(code).toBe(75);
    expect(stderr).toMatch(
      /^<3>Not enough room for Nix: \/var\/lib\/nix has \d{2,3} MiB free, and 1024 MiB are needed\.\n<3>Make room/,
    );
    expect(found).not.toContain('installing');
  });

  boot(
    'a store that is not ours: never, and it is left as it is',
    {
      before: `mkdir -p ${store}/photos; echo mine >${store}/photos/one`,
      after: `cat ${store}/photos/one; ls ${store}`,
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(
        /^<3>\/var\/lib\/nix holds something that is not a complete Nix store and was not put there by this image\.\n<3>/,
      );
      expect(found).toBe('mine\nphotos\nvar\n');
    },
  );

  boot(
    'a complete store that was here before: adopted, untouched, its units set aside',
    {
      before: `${completeStore} mkdir -p /etc/nix /etc/systemd/system/sockets.target.wants
echo mine >/etc/nix/nix.conf
${determinateNixd}echo '# determinate-nixd' >/etc/systemd/system/nix-daemon.service
ln -s /nix/x /etc/systemd/system/nix-daemon.socket
ln -s /nix/x /etc/systemd/system/sockets.target.wants/nix-daemon.socket`,
      after: `cat ${store}/var/nix/db/db.sqlite /etc/nix/nix.conf; ls ${store}/store; ls -R /etc/systemd/system | grep nix || :; ls ${state}; ls ${state}/set-aside/etc/systemd/system`,
    },
    ({ code, stdout, found }) => {
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^Adopting the Nix store in \/var\/lib\/nix\n.*Nix is installed \(an existing store was adopted\)\.\n$/s,
      );
      expect(found).toBe(
        'kept\nmine\nkept\ndaemon\ndeterminate-nixd\netc-nix\ninstalled\nset-aside\nnix-daemon.service\nnix-daemon.socket\n',
      );
      expect(stdout).toContain(
        `Moved to /nix/var/bluebuild-nix/set-aside, each under its path: /etc/systemd/system/nix-daemon.service`,
      );
    },
  );

  boot(
    'an adoption that is cut off before each of its commands: the next boot finishes it, and knows whose daemon it is',
    {
      after: `${cutAtEach}rm -rf ${store}/* /etc/nix; ${completeStore}mkdir -p /etc/nix /etc/systemd/system/sockets.target.wants
echo mine >/etc/nix/nix.conf
${determinateNixd}echo '# determinate-nixd' >/etc/systemd/system/nix-daemon.service
ln -s /nix/x /etc/systemd/system/nix-daemon.socket
ln -s /nix/x /etc/systemd/system/sockets.target.wants/nix-daemon.socket
save
finished() {
  test "$(cat ${store}/var/nix/db/db.sqlite /etc/nix/nix.conf ${state}/etc-nix/nix.conf)" = "$(printf 'kept\nmine\nmine')" || echo 'not kept'
  for file in installed determinate-nixd set-aside/etc/systemd/system/nix-daemon.service; do
    test -e ${state}/$file || echo "no $file"
  done
  test -L ${state}/set-aside/etc/systemd/system/nix-daemon.socket || echo 'no socket'
  ls -R /etc/systemd/system | grep nix || :
}
cut_at_each $install`,
    },
    ({ found }) => {
      expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/);
    },
    300_000,
  );

  boot(
    'a store that `native` installed: its daemon is started, the installer is not run, and why is said',
    {
      before: `${completeStore} mkdir -p ${state}/follows; echo provider=native >${state}/installed`,
      after: `${asked}cat ${store}/var/nix/db/db.sqlite /etc/nix/nix.conf; ls /run`,
    },
    ({ code, stdout, stderr, found }) => {
      expect([code, stdout]).toEqual([78, '']);
      expect(stderr).toMatch(
        /^<3>The store in \/var\/lib\/nix belongs to `installer: native`: the existing Nix keeps working, and determinate's nix-installer is not run\.\n<3>Write `installer: native`/,
      );
      expect(found).toContain('systemctl start nix-daemon.socket\n');
      expect(found).toContain('kept\nexperimental-features');
      expect(found).not.toContain('installer-arguments');
    },
  );

  boot(
    'an attempt that was cut off: cleared, and done again',
    {
      before: `mkdir -p ${store}/store/half ${store}/var/nix ${state}; touch ${state}/installing ${store}/receipt.json
mkdir -p /etc/systemd/system; : >/etc/systemd/system/nix.mount`,
      after: `ls ${store} ${store}/store; ls ${state}`,
    },
    ({ code, stdout, found }) => {
      expect(code).toBe(0);
      expect(stdout).toMatch(/^An earlier attempt was interrupted: starting over\n/);
      expect(found).not.toMatch(/half|receipt|installing/);
      expect(found).toContain('installed\n');
    },
  );

  boot(
    'an installer that fails: cleared, again later, and then it works',
    {
      before: 'touch /run/installer-fails',
      after: `ls ${store}; ls -A ${store}/var ${state}; ls /etc/systemd/system | grep nix || :
rm /run/installer-fails; /usr/libexec/bluebuild/nix/nix-install; ls ${state}`,
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(75);
      expect(stderr).toMatch(
        /^it did not work\n<3>Nix could not be installed \(exit code 9\); see its output above\.\n<3>The installation is tried again, from the beginning/,
      );
      const [first, second] = found.split('An earlier attempt was interrupted: starting over\n');
      expect(first).toBe(`var\n${store}/var:\nbluebuild-nix\n\n${state}:\ninstalling\n`);
      expect(second).toMatch(/Nix is installed\..*\ndaemon\netc-nix\ninstalled\nset-aside\n$/s);
    },
  );

  boot(
    'a disk that is full when the store is handed over: cleared, said, and Nix comes once there is room',
    {
      size: '1200m',
      before: 'touch /run/installer-fills-the-disk',
      after: `ls ${store} ${state}; ls /etc/systemd/system | grep nix || :
rm /run/installer-fills-the-disk /var/filler; /usr/libexec/bluebuild/nix/nix-install; ls ${state}`,
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(75);
      expect(stderr).toMatch(
        /^.*No space left on device\n<3>The disk that holds \/var\/lib\/nix became full while Nix was installed\.\n<3>Make room on it/,
      );
      const [first, second] = found.split('An earlier attempt was interrupted: starting over\n');
      expect(first).toBe(`${store}:\nvar\n\n${state}:\ninstalling\n`);
      expect(second).toMatch(/Nix is installed\..*\ndaemon\netc-nix\ninstalled\nset-aside\n$/s);
    },
  );

  boot(
    'stopped in the middle, as at shutdown: nothing more is done, and the next start begins anew',
    {
      before: 'touch /run/installer-waits',
      after: `ls ${store} ${state}; rm /run/installer-waits; /usr/libexec/bluebuild/nix/nix-install; ls ${state}`,
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(143);
      expect(stderr).not.toContain('<3>');
      const [first, second] = found.split('An earlier attempt was interrupted: starting over\n');
      expect(first).toContain('receipt.json');
      expect(second).toMatch(/Nix is installed\..*\ndaemon\netc-nix\ninstalled\nset-aside\n$/s);
    },
  );

  boot(
    'an installer that ends well and installs nothing: never taken for installed',
    { before: 'touch /run/installer-does-nothing', after: `ls ${state}; ls ${store}` },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(/^<3>The installer exited successfully but installed nothing/);
      expect(found).toBe('installing\nvar\n');
    },
  );

  boot(
    'no /nix in the image: never, and none is made in the root',
    { before: 'rmdir /nix', after: `ls -d /nix ${store} 2>&1 || :` },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(/^<3>This image has no directory \/nix/);
      expect(found).not.toMatch(/^\//m);
    },
  );

  boot(
    'another /nix mounted by the machine, without Nix: left alone, and not taken for installed',
    {
      before: 'mkdir -p /srv/mine; echo mine >/srv/mine/file; mount --bind /srv/mine /nix',
      after: `cat /srv/mine/file; ls /srv/mine ${store} 2>/dev/null || :`,
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(78);
      expect(stderr).toMatch(
        /^<3>\/nix is mounted from .* by this machine's own nix\.mount or \/etc\/fstab, and has no Nix in it\.\n<3>Mount that on/,
      );
      expect(found).toBe('mine\n/srv/mine:\nfile\nvar\n');
    },
  );

  boot(
    'a mount that fails: again, with where to look',
    {
      before:
        'mkdir -p /etc/systemd/system; printf "[Mount]\\nWhat=/nowhere/at/all\\n" >/etc/systemd/system/nix.mount; printf "#!/bin/sh\\nexit 1\\n" >/usr/local/sbin/systemctl',
    },
    ({ code, stderr }) => {
      expect(code).toBe(75);
      expect(stderr).toBe('<3>Cannot mount /var/lib/nix on /nix.\n<3>See: bluebuild-nix doctor\n');
    },
  );

  boot(
    'a store that cannot be written: again, with why',
    { before: `mkdir -p ${store} && mount --bind ${store} ${store} && mount -o remount,ro,bind ${store}` },
    ({ code, stderr }) => {
      expect(code).toBe(75);
      expect(stderr).toMatch(
        /^<3>\/var\/lib\/nix cannot be written \(it is read-only, or its disk has errors\)\.\n<3>Make it writable/,
      );
    },
  );

  boot(
    'no network at first boot: again, with what to do',
    {
      entry: { installer: { embed: false } },
      before: `printf '#!/bin/sh\\nexit 6\\n' >/usr/local/sbin/curl; chmod +x /usr/local/sbin/curl; mkdir -p /var/cache/bluebuild-nix`,
      after: tree(store),
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(75);
      expect(stderr).toMatch(
        /^<3>Cannot download the installer from https:\/\/example\.org\/installer \(curl: exit code 6\)\.\n<3>Connect this machine/,
      );
      expect(found).not.toContain('installing');
    },
  );

  boot(
    'something else from the network: again, kept nowhere',
    {
      entry: { installer: { embed: false } },
      // Stands in for a server that sends a different file.
      before: `printf '#!/bin/sh\\nwhile [ "$1" != --output ]; do shift; done\\necho other >"$2"\\n' >/usr/local/sbin/curl; chmod +x /usr/local/sbin/curl; mkdir -p /var/cache/bluebuild-nix`,
      after: 'ls -A /var/cache/bluebuild-nix; ls /run/installer-arguments 2>/dev/null || :',
    },
    ({ code, stderr, found }) => {
      expect(code).toBe(75);
      expect(stderr).toMatch(
        /^<3>What https:\/\/example\.org\/installer sent is not the installer of this image: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}\.\n/,
      );
      expect(found).toBe('');
    },
  );
});
