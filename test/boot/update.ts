import { expect } from 'vitest';
import { baseFor } from './composefs-base.ts';
import type { RunningGuest } from './lab/machine.ts';
import type { Lab } from './lab/scenario.ts';
import { buildAndRun, installedMachine, nixFaults } from './nix-guest.ts';
import { laterModule, nixImage } from './nix-image.ts';

const description = (guest: RunningGuest): Promise<string> =>
  guest.succeed('systemctl show --value --property Description nix.mount');

const expectNixAndKept = async (guest: RunningGuest): Promise<void> => {
  expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
  expect(await nixFaults(guest)).toEqual([]);
};

/** Scenarios about updates and rollbacks, for either backend, by name. */
export const updates: Record<string, (lab: Lab) => Promise<void>> = {
  'an update brings new units, a rollback the old ones, and Nix and what a user built stay': async (lab) => {
    const base = await baseFor(lab);
    const machine = await installedMachine(lab, await nixImage({ base }));
    let guest = await machine.boot();
    expect(await description(guest)).toBe('Nix Store');
    await guest.succeed('echo mine > /etc/lab-mine');
    await guest.update(await nixImage({ base, modules: await laterModule(lab.directory) }));

    guest = await guest.reboot();
    expect(await description(guest)).toBe('Later Nix Store');
    await expectNixAndKept(guest);
    expect(await buildAndRun(guest, 'updated', '--out-link /var/home/lab/updated')).toBe('updated was built by nix');
    expect(await guest.succeed('cat /etc/lab-mine; echo later > /etc/lab-mine')).toBe('mine');

    await guest.rollBack();
    guest = await guest.reboot();
    expect(await description(guest)).toBe('Nix Store');
    await expectNixAndKept(guest);
    expect((await guest.runAs('lab', '/var/home/lab/updated')).stdout).toBe('updated was built by nix\n');
    expect(await guest.succeed('cat /etc/lab-mine')).toBe('mine');
  },

  'an image without the module boots clean, and back on one with it Nix is there': async (lab) => {
    const base = await baseFor(lab);
    const machine = await installedMachine(lab, await nixImage({ base }));
    let guest = await machine.boot();
    await guest.update(await lab.image({ containerfile: `FROM ${base}\nRUN echo no nix > /usr/lib/lab-version\n` }));

    guest = await guest.reboot();
    expect(await guest.waitForBoot()).toBe('running');
    expect(await guest.succeed('systemctl --failed --plain --no-legend')).toBe('');
    expect((await guest.run('ls -d /nix')).code).not.toBe(0);
    expect(await guest.succeed('journalctl -b -o cat -p warning | grep -i nix || true')).toBe('');
    await guest.update(await nixImage({ base, after: ['RUN echo nix again > /usr/lib/lab-version'] }));

    guest = await guest.reboot();
    await expectNixAndKept(guest);
    expect(await buildAndRun(guest, 'again')).toBe('again was built by nix');
  },
};

/** Scenarios about an /etc that knows nothing of the store, for either backend, by name. */
export const adoptions: Record<string, (lab: Lab) => Promise<void>> = {
  'a deployment whose /etc never saw Nix adopts the store that /var holds': async (lab) => {
    // As after rolling back to before Nix and updating from there: an /etc without build users, nix.conf and profile.
    const machine = await installedMachine(lab, await nixImage({ base: await baseFor(lab) }));
    let guest = await machine.boot();
    await guest.succeed(
      `rm -r /etc/nix /etc/profile.d/nix.sh /etc/bash.bashrc
       for number in $(seq 32); do userdel nixbld$number; done; groupdel nixbld || true`,
      120,
    );
    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 120);
    await expectNixAndKept(guest);
    expect(await buildAndRun(guest, 'restored')).toBe('restored was built by nix');
    expect(await guest.succeed('grep -c . /etc/nix/nix.conf')).not.toBe('0');
  },
};
