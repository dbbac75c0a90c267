import { expect } from 'vitest';
import { composefsBase } from '../composefs-base.ts';
import { firstBoot, laterBoot } from '../first-boot.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { nixImage } from '../nix-image.ts';
import { hookMessages, limit, rootOf } from '../transient-root-guest.ts';

scenario(
  'composefs-native: first boot installs Nix below a read-only /; the second has it below a transient one',
  async (lab) => {
    const backend = 'composefs-native';
    const image = await native();
    const entry = { ...image.entry, 'transient-root': 'initramfs' };
    const base = await composefsBase({ ostree: false });
    let guest = await firstBoot(await lab.on(backend).machine(await nixImage({ ...image, entry, base })));
    expect(await rootOf(guest, backend)).toBe('read-only');

    guest = await guest.reboot({ limit, kernelArguments: ['root.transient=true'] });
    expect(await rootOf(guest, backend)).toBe('writable');
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /var/lib/lab-mine && echo mine > /nix/lab-mine');
    await laterBoot(guest);

    guest = await guest.reboot({ limit });
    expect(await guest.succeed('cat /etc/lab-mine /var/lib/lab-mine /nix/lab-mine')).toBe('mine\nmine\nmine');
    expect((await guest.run('ls -d /lab-directory /usr/lab-file')).stdout).toBe('');
    expect(await rootOf(guest, backend)).toBe('read-only');
    expect(await hookMessages(guest)).toBe('');
  },
  1200,
);
