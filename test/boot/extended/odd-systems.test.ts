import { expect } from 'vitest';
import { statusOf } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, installedMachine, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { providers } from '../providers.ts';

// Stock ostree reads `transient = true` in the initramfs, so the initramfs is built again.
const transientRoot = [
  "RUN printf '[root]\\ntransient = true\\n' >> /usr/lib/ostree/prepare-root.conf",
  'RUN kernel=$(ls /usr/lib/modules) && mkdir -p /var/tmp && \\',
  '  dracut --quiet --no-hostonly --force --kver "$kernel" "/usr/lib/modules/$kernel/initramfs.img" && rm -rf /var/tmp',
];

// With Debian's package, /nix contains empty directories.
const withoutNix = 'RUN find /nix -depth -type d -delete';

for (const [name, { image }] of Object.entries(providers)) {
  scenario(
    `${name}: an image that lost its /nix, on a transient root: nix-directory.service makes it, at every boot`,
    async (lab) => {
      const { before = [], ...rest } = await image();
      const machine = await lab.machine(
        await nixImage({ ...rest, before: [...before, ...transientRoot], after: [withoutNix] }),
      );
      let guest = await machine.boot();
      await waitForNix(guest);
      expect(await guest.succeed('systemctl is-active nix-directory.service')).toBe('active');
      expect(await buildAndRun(guest, 'transient', '--out-link /var/home/lab/kept')).toBe('transient was built by nix');
      await guest.succeed('touch /gone-at-reboot');
      guest = await guest.reboot();
      expect((await guest.run('test -e /gone-at-reboot')).code).toBe(1);
      expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('transient was built by nix\n');
      expect(await nixFaults(guest)).toEqual([]);
    },
    1200,
  );

  scenario(
    `${name}: an image that lost its /nix, on a read-only root: it boots, and says what is missing`,
    async (lab) => {
      const machine = await lab.machine(await nixImage({ ...(await image()), after: [withoutNix] }));
      const guest = await machine.boot();
      await guest.waitFor('systemctl is-failed nix-install.service', 120);
      expect(await statusOf(guest)).toContain('This image has no directory /nix, and its root is read-only.');
      expect(await guest.succeed('systemctl --failed --plain --no-legend | wc -l')).toBe('1');
    },
  );

  scenario(
    `${name}: a machine whose clock says 1970 installs Nix all the same`,
    async (lab) => {
      const machine = await lab.machine(await nixImage(await image()));
      const guest = await machine.boot({ clock: '1970-01-01T00:01:00' });
      await waitForNix(guest);
      expect(await buildAndRun(guest, 'early')).toBe('early was built by nix');
      expect(await nixFaults(guest)).toEqual([]);
    },
    1200,
  );

  scenario(
    `${name}: the tenth boot is like the second`,
    async (lab) => {
      const machine = await installedMachine(lab, await nixImage(await image()));
      let guest = await machine.boot({ until: 'multi-user.target' });
      for (let boot = 3; boot < 10; boot += 1) guest = await guest.reboot();
      expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
      expect(await nixFaults(guest)).toEqual([]);
      const told = 'journalctl --output cat --unit nix-install --unit nix-first-store';
      expect(await guest.succeed(`${told} | grep -c -e "Installing Nix " -e "Making an empty store"`)).toBe('1');
    },
    1800,
  );
}
