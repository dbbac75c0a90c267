import { expect } from 'vitest';
import type { RunningGuest } from './lab/machine.ts';

/** What `bluebuild-nix doctor` finds on a machine with nothing wrong, for root and for a user: it must not find fault with it. */
export const healthy = async (guest: RunningGuest): Promise<void> => {
  const asRoot = await guest.run('bluebuild-nix doctor --all', 300);
  expect(asRoot.stdout).not.toMatch(/^(wrong|skipped)/m);
  expect([asRoot.code, asRoot.stderr]).toEqual([0, '']);
  expect(asRoot.stdout).toContain('A build works.');
  const asUser = await guest.runAs('lab', 'bluebuild-nix doctor', 300);
  expect(asUser.stdout).not.toMatch(/^wrong/m);
  expect([asUser.code, asUser.stderr]).toEqual([0, '']);
};
