import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, expectKept, machineWithNixByHand, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { adoptions } from '../update.ts';

scenario(
  'a store that was installed by hand in /var/home/nix is adopted, not overwritten',
  async (lab) => {
    let guest = await machineWithNixByHand(lab, '/var/home/nix');
    await guest.update(await nixImage({ entry: { persistence: '/var/home/nix' } }));

    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 120);
    expect(await guest.succeed('journalctl -b -u nix-install -o cat')).toContain(
      'Adopting the Nix store in /var/home/nix',
    );
    await expectKept(guest);
    expect(await guest.succeed('ls /nix/var/bluebuild-nix/set-aside/etc/systemd/system')).toContain('nix.mount');

    guest = await guest.reboot();
    await expectKept(guest);
    expect(await buildAndRun(guest, 'adopted')).toBe('adopted was built by nix');
    expect(await nixFaults(guest, { persistence: '/var/home/nix' })).toEqual([]);
  },
  1800,
);

for (const [name, run] of Object.entries(adoptions)) scenario(name, run, 1500);
