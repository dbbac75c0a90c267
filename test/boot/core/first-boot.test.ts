import { expect } from 'vitest';
import { firstBoot, laterBoot } from '../first-boot.ts';
import { answeringNetwork, resolverOfHost } from '../lab/answering-network.ts';
import { scenario } from '../lab/scenario.ts';
import { installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

scenario(
  'first boot installs Determinate Nix, the login prompt does not wait for it, and on a network it asks for nothing',
  async (lab) => {
    await using answering = await answeringNetwork();
    const machine = await lab.machine(await nixImage({ after: [resolverOfHost] }));
    const guest = await firstBoot(machine, { network: answering.network });
    expect(await guest.succeed('cat /etc/resolv.conf')).toBe('nameserver 10.0.2.2');
    expect(answering.asked).toEqual([]);

    expect(await guest.succeed('journalctl -b -u nix-daemon -o cat')).toContain('determinate-nixd (stand-in');
    expect(await guest.succeed('grep include /etc/nix/nix.conf')).toBe('!include nix.custom.conf');
    expect(await guest.succeed('cat /etc/nix/nix.custom.conf')).toMatch(/^experimental-features = .*nix-command/m);
    expect(await guest.succeed('systemctl is-active determinate-nixd.socket')).toBe('active');
    const daemon = '/proc/$(systemctl show --value --property MainPID nix-daemon)';
    expect(await guest.succeed(`tr '\\0' '\\n' <${daemon}/environ`)).toMatch(/^DETSYS_IDS_TELEMETRY=disabled$/m);
    expect((await guest.run('test -e /etc/nix/sentry-endpoint')).code).toBe(1);
    // Proves that the guest reaches the resolver and that its questions are recorded.
    await guest.run('curl --max-time 20 https://install.determinate.systems', 60);
    expect(answering.asked).toContain('asked for install.determinate.systems A');
  },
  1200,
);

scenario(
  'the second boot has the same store, and installs nothing',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    await laterBoot(await machine.boot());
  },
  1200,
);
