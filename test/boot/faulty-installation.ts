import { expect } from 'vitest';
import {
  beforeInstallation,
  freezer,
  startInstallation,
  startOfInstallation,
  waitForStatus,
} from './interrupted-installation.ts';
import type { Lab } from './lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';
import type { Provider } from './providers.ts';

const freeMebibytes = `df --output=avail -BM /var | tail -n 1 | tr -dc 0-9`;
const fill = (leave: number): string =>
  `mkdir -p /var/filler && fallocate -l $(( $(${freeMebibytes}) - ${leave} ))M /var/filler/$RANDOM`;

/**
 * Too little free space before the installation, then a disk that fills up during it: both are reported, and Nix is
 * installed once there is space again.
 */
export const fullDisk = async (lab: Lab, provider: Provider): Promise<void> => {
  const { minimumFree, moments, filling } = provider;
  const { guest } = await beforeInstallation(lab, provider);
  // As after many failed attempts: the next automatic retry is an hour away, and a manual start does not wait for it.
  await guest.write(
    '/run/systemd/system/nix-install.service.d/50-hour.conf',
    '[Service]\nRestartSec=1h\nRestartSteps=0\nRestartMaxDelaySec=infinity\n',
  );
  await guest.succeed('systemctl daemon-reload');
  await guest.succeed(fill(minimumFree - 100));
  await startInstallation(guest);
  await waitForStatus(guest, `Not enough room .*/var/lib/nix has [0-9]+ MiB free, and ${minimumFree} MiB are`, 120);
  expect(await guest.succeed('ls /nix/store 2>/dev/null || true')).toBe('');

  await guest.succeed('rm -r /var/filler');
  await guest.succeed(fill(minimumFree + 50));
  // The service is frozen while the disk is filled, because it might finish first. root may also use the space that df
  // does not count as available, so `cat` fills that as well.
  await guest.succeed(
    `${startOfInstallation}
     until ${moments[filling]}; do :; done; echo 1 >${freezer}
     ${fill(0)}; cat /dev/zero >/var/filler/rest 2>/dev/null || echo 0 >${freezer}`,
    240,
  );
  await guest.waitFor('journalctl -u nix-install -o cat | grep "became full while Nix .*was installed"', 300);
  await waitForStatus(guest, 'Make room on (it|that disk). The installation is tried again', 120);

  await guest.succeed('rm -r /var/filler');
  await startInstallation(guest);
  await waitForNix(guest);
  expect(await buildAndRun(guest, 'roomy')).toBe('roomy was built by nix');
  expect(await nixFaults(guest)).toEqual([]);
};

/** A persistence directory that is not writable: this is reported, and the next boot installs Nix. */
export const readOnlyPersistence = async (lab: Lab, provider: Provider): Promise<void> => {
  let { guest } = await beforeInstallation(lab, provider);
  await guest.succeed(
    `systemctl stop nix.mount
     mount --bind /var/lib/nix /var/lib/nix && mount -o remount,bind,ro /var/lib/nix
     systemctl start nix.mount`,
  );
  await startInstallation(guest);
  await waitForStatus(guest, '/var/lib/nix cannot be written .it is read-only, or its disk has errors', 120);
  guest = await guest.reboot();
  await waitForNix(guest);
  expect(await nixFaults(guest)).toEqual([]);
};

/** The user reboots during the installation: the next boot starts over. */
export const rebootInTheMiddle = async (lab: Lab, provider: Provider): Promise<void> => {
  let { guest } = await beforeInstallation(lab, provider);
  await startInstallation(guest);
  await guest.waitFor(provider.moments['with one store path in place'] ?? '', 300);
  guest = await guest.reboot();
  await waitForNix(guest);
  expect(await guest.succeed('journalctl -b -u nix-install -o cat')).toContain('An earlier attempt was interrupted');
  expect(await buildAndRun(guest, 'again')).toBe('again was built by nix');
  expect(await nixFaults(guest, { repaired: true })).toEqual([]);
};
