import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { nixInstaller } from '../lab/nix-installer.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

scenario(
  'a store that was installed by hand in /var/home/nix is adopted, not overwritten',
  async (lab) => {
    await copyFile(await nixInstaller(), join(lab.directory, 'nix-installer'));
    // The way of the blog posts: an image with a mount point, and the installer's own ostree planner.
    const byHand = await lab.image({
      context: lab.directory,
      containerfile: 'FROM lab-base\nCOPY nix-installer /usr/bin/nix-installer\nRUN mkdir /nix\n',
    });
    const machine = await lab.machine(byHand);
    let guest = await machine.boot();
    await guest.succeed('nix-installer install ostree --no-confirm --persistence /var/home/nix', 400);
    await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept');
    await guest.update(await nixImage({ entry: { persistence: '/var/home/nix' } }));

    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 120);
    expect(await guest.succeed('journalctl -b -u nix-install -o cat')).toContain(
      'Adopting the Nix store that is in /var/home/nix already',
    );
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    expect(await guest.succeed('ls /nix/var/bluebuild-nix/set-aside')).toContain('nix.mount');

    guest = await guest.reboot();
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    expect(await buildAndRun(guest, 'adopted')).toBe('adopted was built by nix');
    expect(await nixFaults(guest, { persistence: '/var/home/nix' })).toEqual([]);
  },
  1800,
);
