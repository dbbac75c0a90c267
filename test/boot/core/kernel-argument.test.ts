import { expect } from 'vitest';
import type { RunningGuest } from '../lab/machine.ts';
import { scenario } from '../lab/scenario.ts';
import { nixImage } from '../nix-image.ts';

// The installer would be downloaded at first boot, where there is no network: these boots only test the mount point.
const withoutInstaller = { embed: false, url: 'https://192.0.2.1/nix-installer' };

const expectNixOnReadOnlyRoot = async (guest: RunningGuest): Promise<void> => {
  const { code, stderr } = await guest.run('mkdir /elsewhere');
  expect([code, stderr]).toEqual([1, expect.stringContaining('Read-only file system')]);
  await guest.waitForUnit('nix.mount', 30);
  await guest.succeed('echo kept > /nix/file');
  expect(await guest.succeed('cat /var/lib/nix/file')).toBe('kept');
  expect(await guest.succeed('stat -c "%a %U:%G" /nix')).toBe('755 root:root');
};

scenario('`transient-root: karg`: stock ostree ignores the argument, and /nix does not need it', async (lab) => {
  const image = await nixImage({ entry: { installer: withoutInstaller } });
  const machine = await lab.machine(image);
  const guest = await machine.boot({ kernelArguments: ['root.transient=true'] });
  expect(await guest.succeed('cat /usr/lib/bootc/kargs.d/50-nix-transient-root.toml')).toContain(
    'kargs = ["root.transient=true"]',
  );
  expect(await guest.succeed('cat /proc/cmdline')).toContain('root.transient=true');
  await expectNixOnReadOnlyRoot(guest);
});

scenario('`transient-root: off`: no argument, and /nix all the same', async (lab) => {
  const image = await nixImage({ entry: { 'transient-root': 'off', installer: withoutInstaller } });
  const machine = await lab.machine(image);
  const guest = await machine.boot();
  expect((await guest.run('ls /usr/lib/bootc/kargs.d')).stdout).toBe('');
  expect(await guest.succeed('cat /proc/cmdline')).not.toContain('root.transient');
  await expectNixOnReadOnlyRoot(guest);
});
