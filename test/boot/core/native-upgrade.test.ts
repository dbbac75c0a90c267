import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { expectNixOf, ofTheUser, ownProgram } from '../nix-upgrade.ts';
import { installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

scenario(
  "native: an update brings the new image's Nix, a rollback the old one, and nothing of the user changes",
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(await native('trixie')));
    let guest = await machine.boot();
    const { code, stderr } = await guest.runAs('lab', ownProgram);
    expect([code, stderr]).toEqual([0, expect.stringContaining('installing')]);
    const before = await ofTheUser(guest);
    await guest.update(await nixImage(await native('forky')));

    guest = await guest.reboot();
    await expectNixOf(guest, 'forky');
    expect(await ofTheUser(guest)).toBe(before);
    await guest.rollBack();

    guest = await guest.reboot();
    await expectNixOf(guest, 'trixie');
    expect(await ofTheUser(guest)).toBe(before);
    // Both images still have their roots, so the rollback had nothing to unpack.
    expect(await guest.succeed('nix-store --gc --print-roots | grep -c bluebuild-nix')).toBe('4');
  },
  1500,
);
