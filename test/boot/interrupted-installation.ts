import { expect } from 'vitest';
import type { Machine, RunningGuest, SavedState } from './lab/machine.ts';
import type { Lab } from './lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';
import { nixImage } from './nix-image.ts';
import type { Provider } from './providers.ts';

/** A machine that is about to install Nix, to go on from as often as wanted. */
export const beforeInstallation = async (
  lab: Pick<Lab, 'machine'>,
  provider: Provider,
): Promise<{ machine: Machine; state: SavedState }> => {
  const machine = await lab.machine(await nixImage(await provider.image()));
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

/** Waits until `statusOf` has a line that matches an extended regular expression: each new try begins without one. */
export const waitForStatus = async (guest: RunningGuest, pattern: string, limit: number): Promise<void> => {
  const status = 'systemctl status --no-pager --full --lines=20 nix-install.service';
  await guest.waitFor(`${status} | grep -E '${pattern}'`, limit);
};

/** Cuts the power at the moment when a condition begins to hold while nix-install.service is at work. */
export const cutPowerAt = async (guest: RunningGuest, condition: string): Promise<void> => {
  // Stopped in its place, because a condition may hold for less time than it takes to hear of it.
  const freeze = 'echo 1 >/sys/fs/cgroup/system.slice/nix-install.service/cgroup.freeze';
  await guest.succeed(`until ${condition}; do :; done >/dev/null 2>&1; ${freeze}`, 400);
  expect(await guest.succeed('systemctl show --value --property ActiveState nix-install.service')).toBe('activating');
  await guest.cutPower();
};

/** Cuts the power at a moment of the installation; the next boot must end with a working Nix. */
export const cutAndRecover = async (machine: Machine, state: SavedState, condition: string): Promise<void> => {
  let guest = await machine.resume(state);
  await startInstallation(guest);
  await cutPowerAt(guest, condition);
  guest = await machine.boot();
  await waitForNix(guest);
  expect(await buildAndRun(guest, 'recovered')).toBe('recovered was built by nix');
  expect(await nixFaults(guest, { repaired: true })).toEqual([]);
};
