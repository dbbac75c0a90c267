import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';

const isWritable = 'touch /lab-wrote-here';

scenario('root.transient=true as a kernel argument alone leaves / read-only, and nothing makes /nix', async (lab) => {
  const machine = await lab.machine(await lab.image({ containerfile: 'FROM lab-base\n' }));
  const guest = await machine.boot({ kernelArguments: ['root.transient=true'] });
  expect(await guest.succeed('cat /proc/cmdline')).toContain('root.transient=true');
  expect(await guest.succeed('findmnt -n -o FSTYPE /')).toBe('overlay');
  const { code, stderr } = await guest.run('mkdir /nix');
  expect(stderr).toContain('Read-only file system');
  expect(code).toBe(1);
});

scenario('an empty /nix in the image takes a bind mount, on a root that stays read-only', async (lab) => {
  const machine = await lab.machine(await lab.image({ containerfile: 'FROM lab-base\nRUN mkdir /nix\n' }));
  const guest = await machine.boot();
  expect((await guest.run(isWritable)).stderr).toContain('Read-only file system');
  await guest.succeed('mkdir -p /var/lib/nix && mount --bind /var/lib/nix /nix && echo kept > /nix/file');
  expect(await guest.succeed('cat /var/lib/nix/file')).toBe('kept');
});

scenario(
  'transient=true in a rebuilt initramfs makes / a writable overlay that is gone at the next boot',
  async (lab) => {
    const image = await lab.image({
      containerfile: [
        'FROM lab-base',
        "RUN printf '[root]\\ntransient = true\\n' >> /usr/lib/ostree/prepare-root.conf",
        'RUN kernel=$(ls /usr/lib/modules) && mkdir -p /var/tmp && \\',
        '  dracut --quiet --no-hostonly --force --kver "$kernel" "/usr/lib/modules/$kernel/initramfs.img"',
      ].join('\n'),
    });
    const machine = await lab.machine(image);
    const first = await machine.boot();
    await first.succeed('mkdir /nix && echo here > /nix/file');
    const second = await first.reboot();
    expect((await second.run('test -e /nix')).code).toBe(1);
    expect((await second.run(isWritable)).code).toBe(0);
  },
);
