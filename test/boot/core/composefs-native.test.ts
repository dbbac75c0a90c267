import { expect } from 'vitest';
import { baseFor } from '../composefs-base.ts';
import { firstBoot, laterBoot } from '../first-boot.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { expectNixOf } from '../nix-upgrade.ts';
import { nixImage } from '../nix-image.ts';
import { expectTransient, hookMessages, limit, rootOf } from '../transient-root-guest.ts';

const backend = 'composefs-native';

scenario(
  'composefs-native: first boot below a read-only /, the second below a transient one; an update to another Nix and back',
  async (lab) => {
    const withNixOf = async (suite: 'forky' | 'trixie') => {
      const image = await native(suite);
      const entry = { ...image.entry, 'transient-root': 'initramfs' };
      return nixImage({ ...image, entry, base: await baseFor({ backend }) });
    };
    const transient = { limit, kernelArguments: ['root.transient=true'] };
    let guest = await firstBoot(await lab.on(backend).machine(await withNixOf('trixie')));
    expect(await rootOf(guest, backend)).toBe('read-only');

    guest = await guest.reboot(transient);
    await expectTransient(guest, backend);
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /var/lib/lab-mine && echo mine > /nix/lab-mine');
    await laterBoot(guest);
    await guest.update(await withNixOf('forky'));

    guest = await guest.reboot({ limit });
    await expectNixOf(guest, 'forky');
    expect(await guest.succeed('cat /etc/lab-mine /var/lib/lab-mine /nix/lab-mine')).toBe('mine\nmine\nmine');
    expect((await guest.run('ls -d /lab-directory /usr/lab-file')).stdout).toBe('');
    expect(await rootOf(guest, backend)).toBe('read-only');
    expect(await hookMessages(guest)).toBe('');
    await guest.succeed('echo later > /etc/lab-mine');
    await guest.rollBack();

    guest = await guest.reboot(transient);
    await expectNixOf(guest, 'trixie');
    expect(await guest.succeed('cat /etc/lab-mine')).toBe('mine');
    await expectTransient(guest, backend);
  },
  1500,
);
