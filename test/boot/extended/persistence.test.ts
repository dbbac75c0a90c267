import { expect } from 'vitest';
import { statusOf } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, expectKept, installedMachine, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

const persistence = '/var/home/nix';

scenario(
  'an image with a persistence on another mount: the store stays and works, and one command moves it',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    let guest = await machine.boot();
    await guest.succeed(
      `mkdir -p /var/disk ${persistence} && echo '/var/disk ${persistence} none bind 0 0' >>/etc/fstab`,
    );
    await guest.update(await nixImage({ entry: { persistence } }));

    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 60);
    expect(await statusOf(guest)).toContain(`The store is in /var/lib/nix, not in ${persistence}`);
    await expectKept(guest);
    expect(await nixFaults(guest, { persistence: '/var/lib/nix' })).toEqual([]);

    const told = await guest.succeed('bluebuild-nix move', 300);
    expect(told).toContain(`The Nix store is in ${persistence}.`);
    await expectKept(guest);
    expect(await buildAndRun(guest, 'moved')).toBe('moved was built by nix');
    expect((await guest.run('ls /var/lib/nix')).code).not.toBe(0);

    guest = await guest.reboot();
    await expectKept(guest);
    expect(await nixFaults(guest, { persistence })).toEqual([]);
  },
  1800,
);

scenario(
  'a mask of nix.mount is kept, the status says what follows, and a start works however often it was tried',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    let guest = await machine.boot();
    await guest.succeed('systemctl mask nix.mount');

    guest = await guest.reboot();
    await guest.waitFor('systemctl is-failed nix-install.service', 60);
    expect(await statusOf(guest)).toContain('nix.mount is masked, so Nix cannot be used on this machine.');
    expect(await guest.succeed('readlink /etc/systemd/system/nix.mount; ls /nix')).toBe('/dev/null');
    await guest.succeed('for try in $(seq 30); do ! systemctl start nix-install 2>/dev/null || exit 1; done', 300);

    await guest.succeed('systemctl unmask nix.mount && systemctl start nix-install', 120);
    await waitForNix(guest);
    await expectKept(guest);
    expect(await nixFaults(guest, { repaired: true })).toEqual([]);
  },
  1800,
);
