import { expect } from 'vitest';
import { nixTarball } from './lab/nix-tarball.ts';
import type { RunningGuest } from './lab/machine.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';

/** Waits until the Nix of the booted image has taken over; checks it, and what the user of the machine has. */
export const expectNixOf = async (
  guest: RunningGuest,
  suite: 'forky' | 'trixie',
  where?: { persistence?: string; repaired?: boolean },
): Promise<void> => {
  // The tarball is made from the package that `system` installs, so the version is the same.
  const { version } = await nixTarball(suite);
  await waitForNix(guest);
  for (const command of ['nix --version', 'sudo nix --version'])
    expect((await guest.runAs('lab', command)).stdout).toBe(`nix (Nix) ${version}\n`);
  expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
  expect(await buildAndRun(guest, `by-${suite}`)).toBe(`by-${suite} was built by nix`);
  // The daemon that answers must be of this version.
  const daemon = await guest.runAs('lab', 'nix store info --store daemon 2>&1');
  expect(daemon.stdout).toContain(`Version: ${version}\n`);
  expect(await nixFaults(guest, where)).toEqual([]);
};

/** A command that installs a program, `own-program`, into a user's own profile, in a login shell. */
export const ownProgram = `mkdir -p own/bin && ln -s /usr/bin/id own/bin/own-program &&
  nix-env --option substitute false --install "$(nix-store --add own)"`;

/** What an update must not change, as text: the user's profile, roots and channels. */
export const ofTheUser = (guest: RunningGuest): Promise<string> =>
  guest.succeed(
    `cd /nix/var/nix && find profiles/per-user gcroots/per-user -printf '%p %l %u %m\\n' | sort
     readlink /var/home/lab/kept; runuser --login lab --command 'own-program -un'`,
  );
