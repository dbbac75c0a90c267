import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';

scenario('a saved state continues twice from the same moment, each time with the disk it had', async (lab) => {
  const machine = await lab.machine(await lab.image({ containerfile: 'FROM lab-base\n' }));
  const booted = await machine.boot();
  await booted.succeed('echo before > /var/lib/before; echo in-memory > /run/before; sync');
  const state = await booted.saveState();
  for (const round of ['first', 'second']) {
    const guest = await machine.resume(state);
    expect(await guest.succeed('cat /var/lib/before /run/before')).toBe('before\nin-memory');
    expect((await guest.run('cat /var/lib/after')).code).toBe(1);
    await guest.succeed(`echo ${round} > /var/lib/after && sync`);
    await guest.cutPower();
    const next = await machine.boot();
    expect(await next.succeed('cat /var/lib/before /var/lib/after')).toBe(`before\n${round}`);
    await next.cutPower();
  }
});

scenario(
  'the disk after a power cut is as it was at that moment, and the machine itself keeps running',
  async (lab) => {
    const image = await lab.image({ containerfile: 'FROM lab-base\n' });
    const guest = await (await lab.machine(image)).boot();
    await guest.succeed('echo kept > /var/lib/synced && sync && echo lost > /var/lib/unsynced');
    const disk = await guest.diskAfterPowerCut();
    await guest.succeed('echo later > /var/lib/later && sync');
    const next = await (await lab.machine(image, { disk })).boot();
    expect(await next.succeed('cat /var/lib/synced')).toBe('kept');
    expect((await next.run('cat /var/lib/unsynced /var/lib/later')).stdout).not.toMatch(/lost|later/);
    expect(await guest.succeed('cat /var/lib/later')).toBe('later');
  },
);
