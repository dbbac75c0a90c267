import { expect } from 'vitest';
import { healthy } from '../command.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { buildAndRun, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

const images = {
  determinate: async () => nixImage(),
  native: async () => nixImage(await native()),
};

for (const [provider, image] of Object.entries(images)) {
  scenario(
    `${provider}: what the command says, what it repairs, and Nix uninstalled: it comes back at the next boot, or stays away`,
    async (lab) => {
      const machine = await lab.machine(await image());
      let guest = await machine.boot({ until: 'getty.target' });
      expect((await guest.runAs('lab', 'bluebuild-nix status')).stdout).toMatch(
        /^(Installing Nix|Nix is being installed)/,
      );
      await waitForNix(guest);
      await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept');
      await healthy(guest);

      expect(await guest.succeed('bluebuild-nix log')).toMatch(/Nix is installed\./);

      // A user's mistakes, and what the doctor reports and fixes.
      await guest.succeed(
        'rm -r /etc/nix; ln -s /nix/gone /etc/systemd/system/nix-daemon.service; rm /var/lib/bluebuild-nix/stores; systemctl daemon-reload',
      );
      const ill = await guest.run('bluebuild-nix doctor', 300);
      expect(ill.code).toBe(1);
      expect(ill.stdout).toMatch(/^wrong.* nix-daemon\.service\.\n +sudo bluebuild-nix repair$/m);
      expect(ill.stdout).toMatch(/^wrong.*nix\.conf is missing/m);
      await guest.succeed('bluebuild-nix doctor --fix --yes', 600);
      await healthy(guest);
      expect(await nixFaults(guest)).toEqual([]);

      // The first boot has changed /etc, and uninstalling undoes that.
      await guest.succeed('bluebuild-nix uninstall --yes', 300);
      const changed = await guest.succeed('ostree admin config-diff');
      expect(changed.split('\n').filter((line) => /nix|fish|profile/.test(line))).toEqual([]);
      expect(await guest.succeed('grep -c nixbld /etc/passwd /etc/group /etc/shadow /etc/gshadow || :')).toMatch(
        /^(\/etc\/g?\w+:0\n?){4}$/,
      );
      expect((await guest.run('test -e /var/lib/nix || test -e /var/lib/bluebuild-nix')).code).toBe(1);

      guest = await guest.reboot();
      await waitForNix(guest);
      expect(await buildAndRun(guest, 'again')).toBe('again was built by nix');
      expect(await nixFaults(guest)).toEqual([]);

      await guest.succeed('bluebuild-nix uninstall --keep-out --yes', 300);
      guest = await guest.reboot();
      expect(await guest.succeed('systemctl is-system-running --wait')).toBe('running');
      expect((await guest.runAs('lab', 'bluebuild-nix status')).stdout).toMatch(
        /^Nix is not on this machine, and the image does not install it/,
      );
      expect(await guest.succeed('grep -c nixbld /etc/passwd || :')).toBe('0');
      await guest.succeed('systemctl unmask nix-install.service nix-users.service');
      await guest.succeed('systemctl restart nix-install.service', 600);
      expect((await guest.runAs('lab', 'bluebuild-nix status')).stdout).toMatch(/^Nix is ready\.\n/);
    },
    1800,
  );
}
