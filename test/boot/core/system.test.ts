import { expect } from 'vitest';
import { laterBoot } from '../first-boot.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { ownProgram } from '../nix-upgrade.ts';
import { system } from '../system-image.ts';

scenario(
  "system: the distribution's Nix answers at the first login prompt, with no network, and the second boot starts nothing",
  async (lab) => {
    const machine = await lab.machine(await nixImage(system()));
    let guest = await machine.boot({ until: 'getty.target' });
    expect(await guest.succeed('systemctl is-active nix-daemon.socket')).toBe('active');
    expect(await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept')).toBe('kept was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
    // Every shell finds the image's Nix, and the settings from nix-conf apply.
    const version = (await guest.succeed('/usr/bin/nix --version')).trim();
    for (const command of ['nix --version', 'sudo nix --version', "env -i /bin/sh -c 'nix --version'"])
      expect((await guest.runAs('lab', command)).stdout).toBe(`${version}\n`);
    expect((await guest.runAs('lab', 'nix config show experimental-features')).stdout).toContain('nix-command');
    // A program in a user's profile is found.
    expect((await guest.runAs('lab', ownProgram)).code).toBe(0);
    expect((await guest.runAs('lab', 'own-program -un')).stdout).toBe('lab\n');

    guest = await guest.reboot();
    await laterBoot(guest);
    expect((await guest.runAs('lab', 'own-program -un')).stdout).toBe('lab\n');
  },
  1200,
);
