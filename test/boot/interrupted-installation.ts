import { expect } from 'vitest';
import type { Machine, RunningGuest, SavedState } from './lab/machine.ts';
import type { Lab } from './lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';
import { nixImage } from './nix-image.ts';

/** Moments of an installation, in their order, each as a condition that holds from then on. */
export const moments = {
  'as it begins': 'test -e /nix/var/bluebuild-nix/installing',
  'while Nix is unpacked': 'test -d /nix/temp-install-dir',
  'with one store path in place': 'ls -d /nix/store/*-nix-*',
  'when the database is there': 'test -s /nix/var/nix/db/db.sqlite',
  'when the default profile is there': 'test -e /nix/var/nix/profiles/default/bin/nix',
  'when nix.conf is written': 'test -e /etc/nix/nix.conf',
  "when the installer's units are there": 'test -L /etc/systemd/system/nix-daemon.socket',
  'when the installer has written its receipt': 'test -e /nix/receipt.json',
  'while the units are handed over': 'test -d /nix/var/bluebuild-nix/set-aside',
  'just before the end': 'test -d /nix/var/bluebuild-nix/etc-nix',
};

/** A machine that is about to install Nix, to go on from as often as wanted. */
export const beforeInstallation = async (lab: Lab): Promise<{ machine: Machine; state: SavedState }> => {
  const machine = await lab.machine(await nixImage());
  // The lab's control answers before local-fs.target, when the start of nix-install.service is still to come.
  const guest = await machine.boot({ until: 'control' });
  await guest.succeed('systemctl stop nix-install.service');
  await guest.waitForUnit('multi-user.target', 120);
  expect(await guest.succeed('ls -A /var/lib/nix')).toBe('');
  return { machine, state: await guest.saveState() };
};

/** Lets the installation begin, as multi-user.target would. */
export const startInstallation = async (guest: RunningGuest): Promise<void> => {
  await guest.succeed('systemctl start --no-block nix-install.service');
};

/** What a user reads who asks how it stands. */
export const statusOf = async (guest: RunningGuest): Promise<string> =>
  (await guest.run('systemctl status --no-pager --full --lines=20 nix-install.service')).stdout;

/** Cuts the power at a moment of the installation; the next boot must end with a working Nix. */
export const cutAndRecover = async (machine: Machine, state: SavedState, condition: string): Promise<void> => {
  let guest = await machine.resume(state);
  await startInstallation(guest);
  await guest.waitFor(condition, 400);
  expect(await guest.succeed('systemctl show --value --property ActiveState nix-install.service')).toBe('activating');
  await guest.cutPower();
  guest = await machine.boot();
  await waitForNix(guest);
  expect(await buildAndRun(guest, 'recovered')).toBe('recovered was built by nix');
  expect(await nixFaults(guest, { repaired: true })).toEqual([]);
};
