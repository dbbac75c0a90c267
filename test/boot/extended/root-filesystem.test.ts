import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';

scenario('root.transient=true as a kernel argument alone leaves / read-only, and nothing makes /nix', async (lab) => {
  const machine = await lab.machine(await lab.image({ containerfile: 'FROM lab-base\n' }));
  const guest = await machine.boot({ kernelArguments: ['root.transient=true'] });
  expect(await guest.succeed('cat /proc/cmdline')).toContain('root.transient=true');
  expect(await guest.succeed('findmnt -n -o FSTYPE /')).toBe('overlay');
  const { code, stderr } = await guest.run('mkdir /nix');
  expect(stderr).toContain('Read-only file system');
  expect(code).toBe(1);
});
