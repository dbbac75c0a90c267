import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { expectTransient, limit, rootOf } from '../transient-root-guest.ts';
import { transientRootImage } from '../transient-root-image.ts';

scenario(
  'initramfs: without the argument / is read-only, with it a writable overlay that is gone at the next boot',
  async (lab) => {
    const machine = await lab.machine(await transientRootImage('initramfs'));
    let guest = await machine.boot({ limit });
    expect(await rootOf(guest)).toBe('read-only');
    expect(await guest.waitForBoot()).toBe('running');

    // As a user enables it permanently (rpm-ostree kargs does the same).
    await guest.succeed('ostree admin kargs edit-in-place --append-if-missing=root.transient=true');
    guest = await guest.reboot({ limit });
    expect(await guest.succeed('cat /proc/cmdline')).toContain(' root.transient=true');
    await expectTransient(guest);
    expect(await guest.waitForBoot()).toBe('running');
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /var/lib/lab-mine && echo mine > /nix/lab-mine');

    // The last argument wins: another one at the boot menu disables it for this boot.
    guest = await guest.reboot({ limit, kernelArguments: ['root.transient=false'] });
    expect(await guest.succeed('cat /etc/lab-mine /var/lib/lab-mine /nix/lab-mine')).toBe('mine\nmine\nmine');
    expect((await guest.run('ls -d /lab-directory /usr/lab-file')).stdout).toBe('');
    // The unit that labels a / in memory exists only in boots that have one.
    expect((await guest.run('ls /run/systemd/system')).stdout).not.toContain('transient-root');
    expect(await rootOf(guest)).toBe('read-only');

    guest = await guest.reboot({
      kernelArguments: ['root.transient=off', 'x="root.transient=off', 'y"', 'root.transient'],
    });
    await expectTransient(guest);
  },
  1500,
);
