import { expect } from 'vitest';
import { fullDisk, readOnlyPersistence } from '../faulty-installation.ts';
import { cutPowerAndRecover, disksAfterPowerCuts, recover } from '../interrupted-installation.ts';
import { nixTarball } from '../lab/nix-tarball.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { expectNixOf } from '../nix-upgrade.ts';
import { ownPackage } from '../providers.ts';
import { system } from '../system-image.ts';

scenario(
  'system: the power is cut at moments of the making of the first store: the next boot repairs each',
  (lab) => cutPowerAndRecover(lab, ownPackage, ownPackage.moments),
  1500,
);

scenario(
  'system: the power is cut while the database is copied, at an update: the next boot finishes it, and has a whole copy',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(system('trixie')));
    let guest = await machine.boot();
    const newer = await nixImage(system('forky'));
    await guest.update(newer);
    guest = await guest.reboot({ until: 'control' });
    const older = (await nixTarball('trixie')).version;
    const copy = `/nix/var/bluebuild-nix/databases/${older}`;
    const disks = await disksAfterPowerCuts(
      guest,
      {
        'while it is copied': 'test -e /nix/var/bluebuild-nix/database-before.new',
        'when there is a copy': 'test -e /nix/var/bluebuild-nix/database-before/schema',
        'when the copy has its name': `test -e ${copy}`,
      },
      'nix-daemon.socket',
    );
    await recover(lab, newer, disks, async (next) => {
      await expectNixOf(next, 'forky');
      expect(await next.succeed('ls /nix/var/bluebuild-nix/databases')).toBe(older);
      expect(await next.succeed(`ls ${copy}`)).toMatch(/^db\.sqlite\n(db\.sqlite-wal\n)?schema$/);
      // With the copy restored, Nix still knows what the user built before the update.
      await next.succeed('/usr/libexec/bluebuild/nix/keep-database restore', 120);
      expect(await next.succeed('nix-store --check-validity $(readlink /var/home/lab/kept) && echo valid')).toBe(
        'valid',
      );
      expect(await buildAndRun(next, 'restored')).toBe('restored was built by nix');
    });
  },
  1800,
);

scenario(
  'system: a disk with too little room, and one that fills up meanwhile: told, and Nix comes once there is room',
  (lab) => fullDisk(lab, ownPackage),
  1200,
);

scenario(
  'system: a persistence directory that cannot be written: told, and the next boot installs',
  (lab) => readOnlyPersistence(lab, ownPackage),
  1200,
);
