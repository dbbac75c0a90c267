import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { nixTarball } from '../lab/nix-tarball.ts';
import { expectNixOf, ofTheUser, ownProgram } from '../nix-upgrade.ts';
import { installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { system } from '../system-image.ts';

const copies = 'ls /nix/var/bluebuild-nix/databases';

scenario(
  "system: an update changes Nix at that boot, a rollback changes it back, and a copy of Nix's database is kept",
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(system('trixie')));
    let guest = await machine.boot();
    const { code, stderr } = await guest.runAs('lab', ownProgram);
    expect([code, stderr]).toEqual([0, expect.stringContaining('installing')]);
    const before = await ofTheUser(guest);
    await guest.update(await nixImage(system('forky')));

    guest = await guest.reboot();
    await expectNixOf(guest, 'forky');
    expect(await ofTheUser(guest)).toBe(before);
    const { version } = await nixTarball('trixie');
    expect(await guest.succeed(copies)).toBe(version);
    await guest.rollBack();

    guest = await guest.reboot();
    await expectNixOf(guest, 'trixie');
    expect(await ofTheUser(guest)).toBe(before);
    // Both versions can use the database, so what the newer one has added is still known.
    expect((await guest.run('nix-store --check-validity /nix/store/*-by-forky')).code).toBe(0);
    expect(await guest.succeed(copies)).toBe([version, (await nixTarball('forky')).version].join('\n'));

    // Restores the database from before the update: what was added since is gone from it, the rest is still there.
    await guest.succeed('/usr/libexec/bluebuild/nix/keep-database restore', 120);
    expect(await ofTheUser(guest)).toBe(before);
  },
  1500,
);
