import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { hookMessages, limit, rootOf } from '../transient-root-guest.ts';
import { transientRootImage } from '../transient-root-image.ts';

scenario(
  'initramfs: what ostree would refuse to boot with is left as shipped, and the kernel log says so',
  async (lab) => {
    const machine = await lab.machine(await transientRootImage('initramfs'));
    const argument = ['"root.transient=On"'];
    let guest = await machine.boot({ limit, kernelArguments: ['ostree.prepare-root.composefs=0', ...argument] });
    expect(await guest.succeed('findmnt -n -o FSTYPE /')).not.toBe('overlay');
    expect(await hookMessages(guest)).toContain('composefs is not on (0)');
    guest = await guest.reboot({ limit, kernelArguments: ['root.transient=perhaps'] });
    expect(await rootOf(guest)).toBe('read-only');
    expect(await hookMessages(guest)).toContain('root.transient=perhaps is no boolean');
    guest = await guest.reboot({ limit, kernelArguments: argument });
    expect(await rootOf(guest)).toBe('writable');
  },
  1500,
);

scenario('initramfs: an initramfs that something later in the Containerfile builds still has the hook', async (lab) => {
  const rebuild = [
    "RUN printf '[root]\\ntransient = false\\n[etc]\\ntransient = false\\n' >> /usr/lib/ostree/prepare-root.conf",
    'RUN kernel=$(ls /usr/lib/modules) && mkdir -p /var/tmp && \\',
    '  dracut --quiet --no-hostonly --add ostree --force --kver "$kernel" "/usr/lib/modules/$kernel/initramfs.img"',
  ];
  const machine = await lab.machine(await transientRootImage('initramfs', rebuild));
  const guest = await machine.boot({ limit, kernelArguments: ['root.transient=1'] });
  expect(await rootOf(guest)).toBe('writable');
});

scenario(
  'initramfs: an update and a rollback work from a transient root',
  async (lab) => {
    const machine = await lab.machine(await transientRootImage('initramfs'));
    const next = await transientRootImage('initramfs', ['RUN echo two > /usr/lib/lab-version']);
    let guest = await machine.boot({ limit });
    await guest.succeed('ostree admin kargs edit-in-place --append-if-missing=root.transient=true');
    guest = await guest.reboot({ limit });
    expect(await rootOf(guest)).toBe('writable');
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /nix/lab-mine');
    await guest.update(next);

    guest = await guest.reboot({ limit });
    expect(await guest.succeed('cat /usr/lib/lab-version /etc/lab-mine /nix/lab-mine')).toBe('two\nmine\nmine');
    expect(await rootOf(guest)).toBe('writable');
    await guest.rollBack();

    guest = await guest.reboot({ limit });
    expect((await guest.run('cat /usr/lib/lab-version')).code).toBe(1);
    expect(await guest.succeed('cat /etc/lab-mine /nix/lab-mine')).toBe('mine\nmine');
    expect(await rootOf(guest)).toBe('writable');
    expect(await guest.waitForBoot()).toBe('running');
  },
  1500,
);
