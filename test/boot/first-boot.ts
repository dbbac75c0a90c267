import { expect } from 'vitest';
import type { BootOptions, Machine, RunningGuest } from './lab/machine.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';

/** Expects the first boot to install Nix, with no network unless `boot` has one, and not to delay the login prompt. */
export const firstBoot = async (machine: Machine, boot: BootOptions = {}): Promise<RunningGuest> => {
  const guest = await machine.boot({ ...boot, until: 'getty.target' });
  expect(await guest.succeed('systemctl show --value --property ActiveState nix-install.service')).toBe('activating');
  await waitForNix(guest);
  const time = async (unit: string, property: string) =>
    Number(await guest.succeed(`systemctl show --value --property ${property} ${unit}`));
  const installed = await time('nix-install.service', 'ActiveEnterTimestampMonotonic');
  expect(await time('getty.target', 'ActiveEnterTimestampMonotonic')).toBeLessThan(installed);
  expect(await time('multi-user.target', 'ActiveEnterTimestampMonotonic')).toBeLessThan(installed);
  expect(await guest.succeed('systemctl status --no-pager nix-install.service')).toContain('Nix is installed.');
  expect(await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept')).toBe('kept was built by nix');
  expect(await nixFaults(guest)).toEqual([]);
  return guest;
};

/** Expects a later boot to have the same store and to install nothing. A user must have built `kept` on the machine. */
export const laterBoot = async (guest: RunningGuest): Promise<void> => {
  const status = await guest.waitForUnitToSettle('nix-install.service', 60);
  expect(status).toMatchObject({ activeState: 'inactive', conditionResult: false });
  expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
  expect(await buildAndRun(guest, 'second')).toBe('second was built by nix');
  expect(await nixFaults(guest)).toEqual([]);
  // An update of the image may make systemd reload its units, but a plain boot must not.
  expect(await guest.succeed('journalctl -b -o cat _PID=1 | grep -c "Reloading" || true')).toBe('0');
};
