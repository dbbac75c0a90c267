import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { ofDistribution, onMachine } from './installed.ts';

/** The lines of doctor that are not `fine`, each with the command that follows it. */
const trouble = /^(?:wrong|note|skipped)[^]*?(?=\n(?:fine|wrong|note|skipped|exited))/gm;
const doctor = (
  name: string,
  before: string,
  check: (trouble: string[], all: string) => void,
  options = '',
  machine: Parameters<typeof onMachine>[1] = {},
) =>
  test.concurrent(name, { timeout: 60_000 }, async (context) => {
    needs(context, 'root', 'namespaces');
    const found = await onMachine(
      `code=0\n${before}\nbluebuild-nix doctor ${options} </dev/null || code=$?; echo "exited with $code"`,
      machine,
    );
    check(found.match(trouble) ?? [], found);
  });

const repair = '        sudo bluebuild-nix repair';

doctor('a machine that has nothing wrong with it', '', (trouble, all) => {
  expect(trouble).toEqual([]);
  expect(all).toContain('exited with 0\n');
  expect(all).toMatch(/^fine {4}The store in \/var\/lib\/nix is mounted on \/nix\.$/m);
  expect(all).toMatch(/^fine {4}The daemon answers a user without privileges\.$/m);
  expect(all).toMatch(/^fine {4}A build works\.$/m);
  expect(all).toMatch(/^fine {4}The 32 users that Nix builds as are there\.$/m);
  expect(all).toMatch(/^fine {4}The 2 paths of the store are there/m);
});

doctor(
  'system: a machine that has nothing wrong with it',
  '',
  (trouble, all) => {
    expect(trouble).toEqual([]);
    expect(all).toContain('exited with 0\n');
    expect(all).toMatch(/^fine {4}A build works\.$/m);
  },
  '',
  ofDistribution,
);

doctor(
  'system: the database is of a newer Nix: why the daemon does not start',
  `mkdir -p /run/bluebuild-nix
printf '%s\\n' 'Nix 1 cannot use the database.' 'Boot the image with Nix 2.' >/run/bluebuild-nix/database-refused
shown inactive dead '' failed`,
  (trouble) => expect(trouble[0]).toBe('wrong   Nix 1 cannot use the database. Boot the image with Nix 2.'),
  '',
  ofDistribution,
);

const faults: [name: string, before: string, expected: RegExp, command?: string][] = [
  ['the image has no /nix', 'umount /nix; rmdir /nix', /no directory \/nix/],
  ['nothing is mounted', 'umount /nix', /Nothing is mounted on \/nix/, repair],
  [
    'a mask',
    'systemctl mask nix-daemon.socket',
    /nix-daemon\.socket is switched off/,
    '        sudo systemctl unmask nix-daemon.socket',
  ],
  [
    'a unit in /etc hides that of the image',
    'echo x >/etc/systemd/system/nix-daemon.service',
    /hide units of the image.* nix-daemon\.service\./,
    repair,
  ],
  [
    'a unit that leads nowhere',
    'ln -s /nix/gone /etc/systemd/system/nix-daemon.socket',
    /hide units of the image/,
    repair,
  ],
  [
    'this /var does not know the store',
    'rm /var/lib/bluebuild-nix/stores',
    /does not remember where its store is/,
    repair,
  ],
  [
    'the SELinux policy was changed here',
    'mkdir -p /sys/fs/selinux; : >/sys/fs/selinux/enforce',
    /lost the rules for \/nix\. The image's is in \/usr\/etc\/selinux; what differs: sudo ostree admin config-diff$/,
  ],
  [
    'the SELinux policy was changed here, on the composefs-native backend',
    'rm -r /usr/etc; mkdir -p /sys/fs/selinux; : >/sys/fs/selinux/enforce',
    /lost the rules for \/nix\. What differs from the image: sudo bootc config-diff$/,
  ],
  ['first boot has failed', "shown failed failed 'The disk is full.'", /has failed\. The disk is full\./, repair],
  ['a power cut', 'mv /nix/var/bluebuild-nix/installed /nix/var/bluebuild-nix/installing', /was interrupted/, repair],
  ['Nix was deleted from its store', 'rm $bin/nix-daemon', /Nix itself is missing/, repair],
  [
    'the store belongs to a user',
    'chown 1000 /nix/store',
    /belongs to another user than root \(\/nix\/store\)/,
    `        sudo chown -hR root:root /var/lib/nix && ${repair.trim()}`,
  ],
  ['users are missing', "sed -i '/^nixbld7:/d' /etc/passwd", /Users that Nix builds as are missing/, repair],
  ['the group is missing', "sed -i '/^nixbld:/d' /etc/group", /Users that Nix builds as are missing/, repair],
  [
    'a person is in the group',
    "sed -i 's/^nixbld:.*/&,daemon/' /etc/group",
    /are people: daemon/,
    `        sudo gpasswd --delete daemon nixbld && ${repair.trim()}`,
  ],
  ['nix.conf is missing', 'rm /etc/nix/nix.conf', /nix\.conf is missing/, repair],
  ['nix.conf cannot be read', 'broken settings', /correct the file that it names: error: settings is broken/],
  [
    'the daemon is stopped',
    "shown inactive dead '' inactive",
    /daemon of Nix is switched off/,
    '        sudo systemctl start nix-daemon.socket',
  ],
  [
    'the daemon does not answer',
    'broken daemon',
    /daemon is broken/,
    '        sudo systemctl restart nix-daemon.service',
  ],
  [
    'the maintenance of the image has found a damaged store',
    "printf 'failed=1\\nfailure=Paths in the store are damaged.\\n' >/nix/var/bluebuild-nix/maintenance",
    /maintenance of the store failed: Paths in the store are damaged\./,
    repair,
  ],
  ['a build fails', 'broken build', /A build fails: error: build is broken/],
  ['the database cannot be read', 'broken database', /cannot be read: error: database is broken/],
  [
    'a path is missing',
    'broken path',
    /1 of 3 paths of the store are missing, among them \/nix\/store\/gone-x/,
    repair,
  ],
];
for (const [name, before, expected, command] of faults) {
  doctor(`wrong: ${name}`, before, (trouble, all) => {
    const wrong = trouble.filter((line) => line.startsWith('wrong'));
    expect(all).toContain('exited with 1\n');
    expect(wrong.join('\n')).toMatch(expected);
    if (command !== undefined) expect(wrong.find((line) => expected.test(line))).toContain(`\n${command}`);
  });
}

doctor('a setting that Nix does not know is noted, and nothing is wrong', 'broken setting', (trouble, all) => {
  expect(trouble).toEqual(["note    Nix does not know a setting in /etc/nix: warning: unknown setting 'max-jbos'"]);
  expect(all).toContain('exited with 0\n');
});

doctor('a full disk', 'fallocate -l 1500M /var/filler', (trouble) => {
  expect(trouble).toHaveLength(1);
  expect(trouble[0]).toMatch(
    /^wrong {3}The disk with the store has only \d+\.\dMiB free.*\n +sudo bluebuild-nix collect-garbage$/,
  );
});

doctor(
  '--all reads the store: its content is damaged',
  'broken content',
  (trouble) =>
    expect(trouble[0]).toMatch(/The store is damaged: error: content is broken\n +sudo bluebuild-nix repair/),
  '--all',
);

test.concurrent('it changes nothing', { timeout: 60_000 }, async (context) => {
  needs(context, 'root', 'namespaces');
  const found = await onMachine(`list() {
    find /etc /nix /var/lib/nix /var/lib/bluebuild-nix -printf '%p %T@ %m %u %l\\n' | sort
}
echo x >/etc/systemd/system/nix-daemon.service
list >/root/before
bluebuild-nix doctor >/dev/null || echo "exited with $?"
list | diff /root/before - && echo 'the same'`);
  expect(found).toBe('exited with 1\nthe same\n');
});

doctor(
  '--json',
  'umount /nix',
  (_, all) => {
    const [answer = ''] = all.split('exited with 1');
    const checks = JSON.parse(answer) as { check: string; outcome: string; message: string; command: string | null }[];
    expect(checks).toContainEqual({
      check: 'mount',
      outcome: 'wrong',
      message: 'Nothing is mounted on /nix; it should be /var/lib/nix.',
      command: 'sudo bluebuild-nix repair',
    });
    expect(checks).toContainEqual(expect.objectContaining({ check: 'users', outcome: 'fine', command: null }));
  },
  '--json',
);

test.concurrent(
  '--fix asks, runs what it advises, and nothing is wrong afterwards',
  { timeout: 60_000 },
  async (context) => {
    needs(context, 'root', 'namespaces');
    const found = await onMachine(`umount /nix
echo x >/etc/systemd/system/nix-daemon.service
rm -r /etc/nix
printf 'failed=1\\nfailure=Damaged.\\n' >/var/lib/nix/var/bluebuild-nix/maintenance
bluebuild-nix doctor --fix <<<n >/dev/null || echo "refused: $?"
ls /etc/systemd/system/nix-daemon.service
yes | bluebuild-nix doctor --fix >/tmp/fixed || echo "exited with $?"
tail -n 1 /tmp/fixed
bluebuild-nix doctor | grep -v ^fine || echo 'all is fine'`);
    expect(found.split('\n').slice(0, 2)).toEqual(['refused: 1', '/etc/systemd/system/nix-daemon.service']);
    expect(found).toContain('To check again: bluebuild-nix doctor\nall is fine\n');
  },
);
