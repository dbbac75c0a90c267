// Generated from modules/nix/nix.tsp by `npm run generate`. Do not edit.
import type { InstallerSettings, MaintenanceSettings, RecipeEntry } from './recipe-entry.ts';

/** What applies where a recipe entry does not say. */
export const defaults = {
  installer: 'determinate',
  persistence: '/var/lib/nix',
  'transient-root': 'karg',
  'nix-conf': { 'experimental-features': ['nix-command', 'flakes'] },
  selinux: 'auto',
  telemetry: 'off',
  maintenance: 'off',
} satisfies Omit<RecipeEntry, 'type'>;

/** The same for the settings of `installer`. */
export const installerDefaults = { provider: 'determinate', embed: true, args: [] } satisfies InstallerSettings;

/** And for those of `maintenance`. */
export const maintenanceDefaults = { schedule: 'weekly', optimise: true, verify: true } satisfies MaintenanceSettings;
