import { expect } from 'vitest';
import type { RunningGuest } from './lab/machine.ts';
import { scenario } from './lab/scenario.ts';
import { transientRootImage } from './transient-root-image.ts';

// Seconds for a boot on a machine that has other work, too.
const limit = 300;

/** Whether / and /usr can be written; throws if they differ, or if /nix is not the persistence directory. */
const rootOf = async (guest: RunningGuest): Promise<'writable' | 'read-only'> => {
  expect(await guest.succeed('findmnt -n -o FSTYPE /')).toBe('overlay');
  expect(await guest.succeed('findmnt -n -o SOURCE /nix')).toContain('[/ostree/deploy/lab/var/lib/nix]');
  const tried = await guest.run('mkdir /lab-directory && echo here > /lab-directory/file && echo here > /usr/lab-file');
  if (tried.code === 0) return 'writable';
  expect(tried.stderr).toContain('Read-only file system');
  return 'read-only';
};

const hookMessages = (guest: RunningGuest) =>
  guest.succeed('journalctl --boot --dmesg --grep transient-root: -o cat || :');

scenario(
  'initramfs: without the argument / is read-only, with it a writable overlay that is gone at the next boot',
  async (lab) => {
    const machine = await lab.machine(await transientRootImage('initramfs'));
    let guest = await machine.boot({ limit });
    expect(await rootOf(guest)).toBe('read-only');
    expect(await guest.waitForBoot()).toBe('running');

    // As a user switches it on for good (rpm-ostree kargs does the same).
    await guest.succeed('ostree admin kargs edit-in-place --append-if-missing=root.transient=true');
    guest = await guest.reboot({ limit });
    expect(await guest.succeed('cat /proc/cmdline')).toContain(' root.transient=true');
    expect(await rootOf(guest)).toBe('writable');
    expect(await guest.waitForBoot()).toBe('running');
    await guest.succeed('echo mine > /etc/lab-mine && echo mine > /var/lib/lab-mine && echo mine > /nix/lab-mine');

    // The last one wins: one more at the boot menu switches it off for this boot.
    guest = await guest.reboot({ limit, kernelArguments: ['root.transient=false'] });
    expect(await guest.succeed('cat /etc/lab-mine /var/lib/lab-mine /nix/lab-mine')).toBe('mine\nmine\nmine');
    expect((await guest.run('ls -d /lab-directory /usr/lab-file')).stdout).toBe('');
    expect(await rootOf(guest)).toBe('read-only');

    guest = await guest.reboot({
      kernelArguments: ['root.transient=off', 'x="root.transient=off', 'y"', 'root.transient'],
    });
    expect(await rootOf(guest)).toBe('writable');
    expect(await hookMessages(guest)).toBe('');
  },
  1500,
);

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

scenario('karg: the argument alone leaves / read-only, and /nix is there', async (lab) => {
  const machine = await lab.machine(await transientRootImage('karg'));
  const guest = await machine.boot({ limit, kernelArguments: ['root.transient=true'] });
  expect(await rootOf(guest)).toBe('read-only');
});

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
