import { expect } from 'vitest';
import { baseFor } from './composefs-base.ts';
import type { Image } from './lab/image.ts';
import type { Machine, RunningGuest } from './lab/machine.ts';
import type { Lab } from './lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';
import { nixImage } from './nix-image.ts';
import type { Provider } from './providers.ts';

/** A machine that is on, with nix-install.service stopped before it has installed anything. */
export const beforeInstallation = async (
  lab: Pick<Lab, 'machine'>,
  provider: Provider,
): Promise<{ machine: Machine; guest: RunningGuest }> => {
  const machine = await lab.machine(await nixImage(await provider.image()));
  // The lab's control service answers before local-fs.target, so nix-install.service has not started yet.
  const { kernelArguments = [] } = provider;
  const guest = await machine.boot({ until: 'control', kernelArguments });
  await guest.succeed('systemctl stop nix-install.service');
  await guest.waitForUnit('multi-user.target', 120);
  // There may be empty directories, which the tmpfiles.d of a distribution's Nix package creates.
  expect(await guest.succeed('find /var/lib/nix ! -type d')).toBe('');
  return { machine, guest };
};

/** Starts the installation without waiting for it, as multi-user.target would. */
export const startOfInstallation = 'systemctl start --no-block nix-install.service';
export const startInstallation = async (guest: RunningGuest): Promise<void> => {
  await guest.succeed(startOfInstallation);
};

/** What a user sees of nix-install.service in `systemctl status`. */
export const statusOf = async (guest: RunningGuest): Promise<string> =>
  (await guest.run('systemctl status --no-pager --full --lines=20 nix-install.service')).stdout;

/**
 * Waits until `statusOf` has a line that matches `pattern`, an extended regular expression; each new attempt starts
 * without such a line. `limit` is in seconds.
 */
export const waitForStatus = async (guest: RunningGuest, pattern: string, limit: number): Promise<void> => {
  const status = 'systemctl status --no-pager --full --lines=20 nix-install.service';
  await guest.waitFor(`${status} | grep -E '${pattern}'`, limit);
};

const freezerOf = (unit: string): string => `/sys/fs/cgroup/system.slice/${unit}/cgroup.freeze`;
/**
 * Writing 1 to this file freezes nix-install.service, writing 0 thaws it. The file exists while the service is running.
 */
export const freezer = freezerOf('nix-install.service');

/**
 * The disks that power cuts at certain moments of one installation would leave, by moment. Each moment is a shell
 * condition that becomes true while `unit` is running; the installation continues between the moments.
 */
export const disksAfterPowerCuts = async (
  guest: RunningGuest,
  moments: Record<string, string>,
  unit = 'nix-install.service',
): Promise<Record<string, string>> => {
  const disks: Record<string, string> = {};
  const freeze = freezerOf(unit);
  for (const [moment, condition] of Object.entries(moments)) {
    // The guest freezes the unit itself: a condition may hold for less time than an answer takes to reach the host.
    const goOn = Object.keys(disks).length === 0 ? `until [ -e ${freeze} ]; do :; done` : `echo 0 >${freeze}`;
    await guest.succeed(`${goOn}; until ${condition}; do :; done >/dev/null 2>&1; echo 1 >${freeze}`, 400);
    expect(await guest.succeed(`systemctl show --value --property ActiveState ${unit}`)).toBe('activating');
    disks[moment] = await guest.diskAfterPowerCut();
  }
  await guest.cutPower();
  return disks;
};

/**
 * Boots a machine from each of these disks and runs `expectWhole` on it; an error names the moment of the power cut.
 */
export const recover = async (
  lab: Pick<Lab, 'machine'>,
  image: Image,
  disks: Record<string, string>,
  expectWhole: (guest: RunningGuest) => Promise<void>,
): Promise<void> => {
  for (const [moment, disk] of Object.entries(disks)) {
    try {
      const guest = await (await lab.machine(image, { disk })).boot();
      await expectWhole(guest);
      await guest.cutPower();
    } catch (error) {
      throw new Error(`after a power cut ${moment}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
};

/**
 * Cuts the power at each of `moments` of an installation; after each cut, the next boot must end with a working Nix.
 */
export const cutPowerAndRecover = async (
  lab: Pick<Lab, 'machine' | 'backend'>,
  provider: Provider,
  moments: Record<string, string>,
): Promise<void> => {
  const image = await nixImage({ ...(await provider.image()), base: await baseFor(lab) });
  const guest = await (await lab.machine(image)).boot({ until: 'control' });
  await recover(lab, image, await disksAfterPowerCuts(guest, moments, provider.firstUnit), async (next) => {
    await waitForNix(next);
    expect(await buildAndRun(next, 'recovered')).toBe('recovered was built by nix');
    expect(await nixFaults(next, { repaired: true })).toEqual([]);
  });
};
