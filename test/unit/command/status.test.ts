import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { ofDistribution, onMachine } from './installed.ts';

const state = '/nix/var/bluebuild-nix';
type Options = Parameters<typeof onMachine>[1];

const status = (
  name: string,
  after: string,
  check: (found: string) => void,
  { options, as = '' }: { options?: Options; as?: string } = {},
) =>
  test.concurrent(name, { timeout: 60_000 }, async (context) => {
    needs(context, 'root', 'namespaces');
    check(await onMachine(`${after}\n${as}bluebuild-nix status`, options));
  });

const asNobody = 'setpriv --reuid=nobody --regid=nogroup --clear-groups ';
for (const [who, as] of [
  ['root', ''],
  ['anybody', asNobody],
] as const) {
  status(
    `ready, for ${who}: which Nix, where, since when, and no garbage was collected`,
    'mkdir /nix/store/.links',
    (found) => {
      expect(found).toMatch(/^Nix is ready\.\n\n/);
      expect(found).toMatch(/^Nix +2\.35\.2, installed by determinate 3\.21\.9, since \d{4}-\d\d-\d\dT/m);
      expect(found).toMatch(/^The image has +determinate's nix-installer 3\.21\.9$/m);
      expect(found).toMatch(/^The store is in +\/var\/lib\/nix$/m);
      expect(found).toMatch(/^It holds +2 paths; that disk has [0-9.]+[KMGT]iB of 2\.0GiB free$/m);
      expect(found).toMatch(/^Garbage collected +never$/m);
    },
    { as },
  );
}

status(
  'system: the Nix of the distribution, which is the image’s',
  '',
  (found) => {
    expect(found).toMatch(/^Nix is ready\.\n\n/);
    expect(found).toMatch(/^Nix +2\.35\.2, installed by system 2\.31\.2, since \d{4}-/m);
    expect(found).toMatch(/^The image has +Nix 2\.35\.2, a package of the distribution$/m);
  },
  { options: ofDistribution },
);

status(
  'garbage was collected',
  'mkdir /nix/var/nix/gc-socket; touch -d 2026-11-03T04:05:06Z /nix/var/nix/gc-socket',
  (found) => expect(found).toMatch(/^Garbage collected +2026-11-03T04:05:06/m),
);

status(
  'the maintenance of the image has verified the store',
  `printf 'verified=1793678706\\nverify=damaged\\n' >${state}/maintenance`,
  (found) => expect(found).toMatch(/^Verified +damaged, 2026-11-03T04:05:06/m),
);

status(
  'first boot is under way: what it does',
  `mv ${state}/installed ${state}/installing; shown activating start 'Installing Nix into /var/lib/nix' inactive`,
  (found) => expect(found).toMatch(/^Installing Nix into \/var\/lib\/nix\n\n/),
);

status(
  'first boot could not install Nix, and tries again: why',
  `rm ${state}/installed; shown activating auto-restart 'Not enough room for Nix. Make room on that disk.' inactive`,
  (found) => {
    expect(found).toContain('this machine keeps trying. Not enough room for Nix. Make room on that disk.\n');
    expect(found).toMatch(/^What to do +bluebuild-nix doctor$/m);
  },
);

status(
  'first boot has failed for good: why',
  `rm ${state}/installed; shown failed failed 'The installer in this image is damaged.' inactive`,
  (found) => expect(found).toMatch(/^Nix could not be installed\. The installer in this image is damaged\.\n/),
);

status(
  'after a power cut in the middle: what becomes of it',
  `mv ${state}/installed ${state}/installing; shown inactive dead '' inactive`,
  (found) => expect(found).toMatch(/^The installation was interrupted; the next boot [^]*sudo bluebuild-nix repair\n/),
);

status('an update of Nix is under way', `shown activating start 'Changing to the Nix of this image: 2.36'`, (found) =>
  expect(found).toMatch(/^Changing to the Nix of this image: 2\.36\n/),
);

status('Nix can be used, and the service has failed', `shown failed failed 'Not enough room for Nix.'`, (found) =>
  expect(found).toMatch(/^Nix can be used, and something is wrong\. Not enough room for Nix\.\n/),
);

status('Nix was deleted from its store', 'rm /nix/var/nix/profiles/default/bin/nix-daemon', (found) =>
  expect(found).toMatch(/^Nix itself is missing from the store\.\nWhat to do +sudo bluebuild-nix repair\n/),
);

status('the daemon is stopped', `shown inactive dead '' inactive`, (found) =>
  expect(found).toMatch(
    /^Nix is installed, and its daemon is switched off.*\nWhat to do +sudo systemctl start nix-daemon\.socket\n/,
  ),
);

for (const unit of ['nix.mount', 'nix-daemon.socket', 'nix-daemon.service']) {
  status(`${unit} is masked`, `systemctl mask ${unit}`, (found) => {
    expect(found).toContain(`somebody switched ${unit} off`);
    expect(found).toContain(`sudo systemctl unmask ${unit}`);
  });
}

status('nothing is mounted on /nix', `umount /nix; shown inactive dead '' inactive`, (found) =>
  expect(found).toMatch(/^The Nix store is not mounted on \/nix\.\nWhat to do +bluebuild-nix doctor\n/),
);

status('Nix was uninstalled', `bluebuild-nix uninstall --yes >/dev/null; shown inactive dead '' inactive`, (found) =>
  expect(found).toMatch(/^Nix is not installed\. The next boot installs it\.\n/),
);

status('the image has lost its /nix', `umount /nix; rmdir /nix; shown inactive dead '' inactive`, (found) =>
  expect(found).toMatch(/^This image has no directory \/nix/),
);

status(
  'a store that was installed by hand, on a disk of its own: where it is, its size, and how to move it',
  '',
  (found) => {
    expect(found).toMatch(
      /^Nix is ready\. Its store is in \/var\/home\/nix, and this image keeps it in \/var\/lib\/nix\.\n/,
    );
    expect(found).toMatch(/^What to do +to move it there: sudo bluebuild-nix move$/m);
    expect(found).toMatch(/^It holds +2 paths, [0-9.]+KiB on a disk of its own; /m);
  },
  {
    options: {
      before: `mkdir -p /var/home/nix; mount -t tmpfs tmpfs /var/home/nix
mkdir -p /var/home/nix/store /var/home/nix/var/nix/profiles/default/bin /var/home/nix/var/nix/db
echo x >/var/home/nix/var/nix/db/db.sqlite; cp /bin/true /var/home/nix/var/nix/profiles/default/bin/nix-daemon
. /usr/libexec/bluebuild/nix/store.sh; read_configuration; show_store`,
    },
  },
);

status(
  'a second store, which is not used, for anybody: where it is',
  `mkdir -p /var/home/nix/store /var/home/nix/var/nix/profiles/default /var/home/nix/var/nix/db
echo x >/var/home/nix/var/nix/db/db.sqlite; /usr/libexec/bluebuild/nix/find-store`,
  (found) => {
    expect(found).toMatch(
      /^Nix is ready\. Its store is in \/var\/lib\/nix\. There is another one in \/var\/home\/nix, which is not used\.\n/,
    );
    expect(found).toMatch(/^What to do +if nothing in it is needed: sudo rm -rf --one-file-system \/var\/home\/nix$/m);
  },
  { as: asNobody },
);

status(
  'a store of 100,000 paths: it takes less than a second of a processor',
  `mount -t tmpfs tmpfs /nix/store; (cd /nix/store && seq -f '%032.0f-x' 100000 | xargs mkdir); TIMEFORMAT='took %U %S'; { time bluebuild-nix status >/run/status; } 2>&1`,
  (found) => {
    expect(found).toMatch(/^It holds +100000 paths/m);
    const [, user, system] = /^took (\S+) (\S+)$/m.exec(found) ?? [];
    expect(Number(user) + Number(system)).toBeLessThan(1);
  },
);

test('the same for programs, whatever a message holds', { timeout: 60_000 }, async (context) => {
  needs(context, 'root', 'namespaces');
  const found = await onMachine(
    `shown failed failed 'a "quoted" \\ text	with a tab'; echo x >/nix/store/x; bluebuild-nix status --json --size`,
  );
  const answer = JSON.parse(found) as Record<string, Record<string, unknown>>;
  expect(answer).toMatchObject({
    state: 'trouble',
    message: 'Nix can be used, and something is wrong. a "quoted" \\ text with a tab',
    next: 'bluebuild-nix doctor',
    nix: { version: '2.35.2', installedBy: 'determinate 3.21.9' },
    image: { provider: 'determinate', version: '3.21.9', persistence: '/var/lib/nix' },
    store: { directory: '/var/lib/nix', paths: 2, bytesAre: 'on the disk', garbageCollected: null },
  });
  expect(answer['store']?.['bytes']).toBeGreaterThan(0);
});
