import { expect } from 'vitest';
import { healthy } from '../command.ts';
import { baseFor, composefsBase } from '../composefs-base.ts';
import { firstBoot, laterBoot } from '../first-boot.ts';
import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { nixImage } from '../nix-image.ts';
import { ownTarball } from '../providers.ts';
import { enforcing, labelledFirstBoot } from '../selinux-guest.ts';
import { expectTransient, hookMessages, limit, rootOf } from '../transient-root-guest.ts';
import { transientRootImage } from '../transient-root-image.ts';
import { adoptions, updates } from '../update.ts';

const backend = 'composefs-native';

scenario(
  'composefs-native, nix-installer, `karg`: first boot and second below a read-only /, and nothing is wrong',
  async (lab) => {
    const image = await nixImage({ base: await baseFor({ backend }) });
    // The argument that bootc would take from the image's kargs.d.
    const kernelArguments = ['root.transient=true'];
    let guest = await firstBoot(await lab.on(backend).machine(image), { kernelArguments });
    expect(await rootOf(guest, backend)).toBe('read-only');
    guest = await guest.reboot({ kernelArguments });
    await laterBoot(guest);
    expect(await rootOf(guest, backend)).toBe('read-only');
    await healthy(guest);
  },
  1200,
);

for (const [name, run] of Object.entries({ ...updates, ...adoptions }))
  scenario(`composefs-native: ${name}`, (lab) => run(lab.on(backend)), 1500);

scenario(
  'composefs-native, native: the power is cut at six moments of the installation: the next boot repairs each',
  (lab) => cutPowerAndRecover(lab.on(backend), ownTarball, ownTarball.moments),
  2000,
);

scenario(
  'composefs-native, SELinux enforcing: first boot installs Nix with its labels, the second has them',
  async (lab) => {
    const guest = await labelledFirstBoot(lab.on(backend), await native());
    await healthy(await guest.reboot(enforcing));
  },
  1500,
);

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
      await expectTransient(guest, each);
      expect(await guest.waitForBoot()).toBe('running');
      await guest.powerOff();
    }
  },
  1200,
);
