import { expect } from 'vitest';
import type { RunningGuest } from '../lab/machine.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, expectKept, installedMachine, machineWithNixByHand, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

const persistence = '/var/home/nix';
const foundBy = (guest: RunningGuest): Promise<string> => guest.succeed('journalctl -b -u nix-find-store -o cat');

scenario(
  'an image with another persistence: the store moves there before /nix is mounted, and back with a rollback',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    let guest = await machine.boot();
    await guest.update(await nixImage({ entry: { persistence } }));

    guest = await guest.reboot();
    expect(await foundBy(guest)).toContain(`Moved the Nix store from /var/lib/nix to ${persistence}.`);
    await expectKept(guest);
    expect(await nixFaults(guest, { persistence })).toEqual([]);
    expect(await buildAndRun(guest, 'moved', '--out-link /var/home/lab/moved')).toBe('moved was built by nix');

    await guest.rollBack();
    guest = await guest.reboot();
    expect(await foundBy(guest)).toContain(`Moved the Nix store from ${persistence} to /var/lib/nix.`);
    await expectKept(guest);
    expect((await guest.runAs('lab', '/var/home/lab/moved')).stdout).toBe('moved was built by nix\n');
    expect(await nixFaults(guest)).toEqual([]);

    // If the store is in its place, nothing looks for it.
    guest = await guest.reboot();
    const settled = await guest.waitForUnitToSettle('nix-find-store.service', 60);
    expect(settled).toMatchObject({ activeState: 'inactive', conditionResult: false });
    expect(await nixFaults(guest)).toEqual([]);
  },
  1800,
);

scenario(
  'installed by hand as blog posts say, and an image with the default persistence: adopted, then moved',
  async (lab) => {
    let guest = await machineWithNixByHand(lab, persistence);
    await guest.update(await nixImage());

    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 120);
    expect(await guest.succeed('journalctl -b -u nix-install -o cat')).toContain(
      `Adopting the Nix store in ${persistence}`,
    );
    await expectKept(guest);
    expect(await nixFaults(guest, { persistence })).toEqual([]);

    guest = await guest.reboot();
    expect(await foundBy(guest)).toContain(`Moved the Nix store from ${persistence} to /var/lib/nix.`);
    await expectKept(guest);
    expect(await buildAndRun(guest, 'adopted')).toBe('adopted was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
  },
  1800,
);
