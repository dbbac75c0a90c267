import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';

scenario('an update and a rollback keep /var and merge /etc', async (lab) => {
  const before = await lab.image({ containerfile: 'FROM lab-base\nRUN echo one > /usr/lib/lab-version\n' });
  const after = await lab.image({
    containerfile: 'FROM lab-base\nRUN echo two > /usr/lib/lab-version && echo new > /etc/lab-from-image\n',
  });
  const machine = await lab.machine(before);
  let guest = await machine.boot();
  await guest.succeed('echo mine > /etc/lab-from-user && echo mine > /var/lib/lab-from-user');
  await guest.update(after);
  expect(await guest.succeed('cat /usr/lib/lab-version')).toBe('one');

  guest = await guest.reboot();
  expect(await guest.succeed('cat /usr/lib/lab-version')).toBe('two');
  expect(await guest.succeed('cat /etc/lab-from-image /etc/lab-from-user /var/lib/lab-from-user')).toBe(
    'new\nmine\nmine',
  );

  await guest.rollBack();
  guest = await guest.reboot();
  expect(await guest.succeed('cat /usr/lib/lab-version')).toBe('one');
  expect((await guest.run('cat /etc/lab-from-image')).code).toBe(1);
  expect(await guest.succeed('cat /var/lib/lab-from-user')).toBe('mine');
  await guest.powerOff();

  guest = await machine.boot({ entry: 1 });
  expect(await guest.succeed('cat /usr/lib/lab-version')).toBe('two');
});
