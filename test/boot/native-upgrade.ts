import { expect } from 'vitest';
import { nixTarball } from './lab/nix-tarball.ts';
import type { RunningGuest } from './lab/machine.ts';
import { buildAndRun, nixFaults } from './nix-guest.ts';

/** Waits until the Nix of the image that is booted has taken over; checks it, and what the user of the machine has. */
export const expectNixOf = async (guest: RunningGuest, suite: 'forky' | 'trixie'): Promise<void> => {
  const { version } = await nixTarball(suite);
  await guest.waitForUnit('nix-install.service', 300);
  for (const command of ['nix --version', 'sudo nix --version'])
    expect((await guest.runAs('lab', command)).stdout).toBe(`nix (Nix) ${version}\n`);
  expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
  expect(await buildAndRun(guest, `by-${suite}`)).toBe(`by-${suite} was built by nix`);
  // The daemon that answered.
  const daemon = await guest.succeed(
    'readlink /proc/$(systemctl show --value --property MainPID nix-daemon.service)/exe',
  );
  expect(daemon).toContain(`-nix-${version}/bin/`);
  expect(await nixFaults(guest)).toEqual([]);
};

/** What an update must leave alone, as text: the user's profile, roots and channels. */
export const ofTheUser = (guest: RunningGuest): Promise<string> =>
  guest.succeed(
    `cd /nix/var/nix && find profiles/per-user gcroots/per-user -printf '%p %l %u %m\\n' | sort
     readlink /var/home/lab/kept; runuser --login lab --command 'own-program'`,
  );
