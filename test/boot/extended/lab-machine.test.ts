import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';

scenario(
  "a machine with a network reaches the host's loopback, one without does not, and a clock can be wrong",
  async (lab) => {
    const server = createServer((_, response) => response.end('from the host'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const url = `http://10.0.2.2:${(server.address() as AddressInfo).port}/`;
      const machine = await lab.machine(await lab.image({ containerfile: 'FROM lab-base\n' }));
      let guest = await machine.boot({ network: 'host' });
      expect(await guest.succeed(`curl --silent --show-error --fail ${url}`)).toBe('from the host');
      expect(await guest.waitForBoot()).toBe('running');
      guest = await guest.reboot({ clock: '1970-01-01T00:00:00' });
      expect((await guest.run(`curl --silent --max-time 10 ${url}`)).code).not.toBe(0);
      expect(await guest.succeed('cat /sys/class/rtc/rtc0/date')).toBe('1970-01-01');
      expect(await guest.waitForBoot()).toBe('running');
    } finally {
      server.close();
    }
  },
);
