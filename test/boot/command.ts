import { expect } from 'vitest';
import type { RunningGuest } from './lab/machine.ts';

/** Expects `bluebuild-nix doctor` to find nothing wrong on a healthy machine, run as root and as the user `lab`. */
export const healthy = async (guest: RunningGuest): Promise<void> => {
  const asRoot = await guest.run('bluebuild-nix doctor --all', 300);
  expect(asRoot.stdout).not.toMatch(/^(wrong|skipped)/m);
  expect([asRoot.code, asRoot.stderr]).toEqual([0, '']);
  expect(asRoot.stdout).toContain('A build works.');
  const asUser = await guest.runAs('lab', 'bluebuild-nix doctor', 300);
  expect(asUser.stdout).not.toMatch(/^wrong/m);
  expect([asUser.code, asUser.stderr]).toEqual([0, '']);
};
