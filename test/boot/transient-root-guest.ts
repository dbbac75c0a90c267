import { expect } from 'vitest';
import { type Backend, varOf } from './lab/backend.ts';
import type { RunningGuest } from './lab/machine.ts';

// Seconds that a boot may take, for a host that is busy with other work.
export const limit = 300;

/** Whether / and /usr are writable; throws if they differ, or if /nix is not the persistence directory. */
export const rootOf = async (guest: RunningGuest, backend: Backend = 'ostree'): Promise<'writable' | 'read-only'> => {
  expect(await guest.succeed('findmnt -n -o FSTYPE /')).toBe('overlay');
  expect(await guest.succeed('findmnt -n -o SOURCE /nix')).toContain(`[${varOf[backend]}/lib/nix]`);
  const tried = await guest.run('mkdir /lab-directory && echo here > /lab-directory/file && echo here > /usr/lab-file');
  if (tried.code === 0) return 'writable';
  expect(tried.stderr).toContain('Read-only file system');
  return 'read-only';
};

/** What the hook wrote to the kernel log. */
export const hookMessages = (guest: RunningGuest) =>
  guest.succeed('journalctl --boot --dmesg --grep transient-root: -o cat || :');

/** Expects / to be writable, the hook to have logged nothing, and the unit that labels a transient / to be in /run. */
export const expectTransient = async (guest: RunningGuest, backend: Backend = 'ostree'): Promise<void> => {
  expect(await rootOf(guest, backend), backend).toBe('writable');
  expect(await hookMessages(guest), backend).toBe('');
  expect(await guest.succeed('ls /run/systemd/system'), backend).toContain('transient-root-label.service');
};
