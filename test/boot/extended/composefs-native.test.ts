import { expect } from 'vitest';
import { composefsBase } from '../composefs-base.ts';
import { scenario } from '../lab/scenario.ts';
import { hookMessages, limit, rootOf } from '../transient-root-guest.ts';
import { transientRootImage } from '../transient-root-image.ts';

const backend = 'composefs-native';

scenario(
  'composefs-native, initramfs, a bootc before 1.16: the argument is ignored, and nothing of /etc and /var is hidden',
  async (lab) => {
    const base = await composefsBase({ ostree: false });
    const machine = await lab.on(backend).machine(await transientRootImage('initramfs', [], base));
    let guest = await machine.boot({ limit });
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /var/lib/lab-mine && echo mine > /nix/lab-mine');
    guest = await guest.reboot({ limit, kernelArguments: ['root.transient=true', 'lab.bootc=1.15'] });
    expect(await guest.succeed('cat /etc/lab-mine /var/lib/lab-mine /nix/lab-mine')).toBe('mine\nmine\nmine');
    expect(await rootOf(guest, backend)).toBe('read-only');
    expect(await hookMessages(guest)).toContain('hides /etc and /var below a root in memory');
    expect(await guest.waitForBoot()).toBe('running');
  },
  1200,
);

scenario(
  'an image whose initramfs has both backends boots on either, with a transient root',
  async (lab) => {
    const base = await composefsBase({ ostree: true });
    const image = await transientRootImage('initramfs', [], base);
    for (const each of ['ostree', backend] as const) {
      const machine = await lab.on(each).machine(image);
      let guest = await machine.boot({ limit });
      expect([each, await rootOf(guest, each)]).toEqual([each, 'read-only']);
      guest = await guest.reboot({ limit, kernelArguments: ['root.transient=true'] });
      expect([each, await rootOf(guest, each)]).toEqual([each, 'writable']);
      expect(await guest.waitForBoot()).toBe('running');
      await guest.powerOff();
    }
  },
  1200,
);
