import type { Config } from '../config/config.ts';
import type { ImageEntry, Plan } from './image-entry.ts';
import { installerEntries, persistentDirectories } from './installer.ts';
import { nixConfEntries } from './nix-conf.ts';
import { persistenceEntries } from './persistence.ts';
import { recordEntries } from './record.ts';
import { selinuxEntries, selinuxSteps } from './selinux.ts';
import { type StaticFiles, staticEntries } from './static-files.ts';
import type { StepKind } from './step.ts';
import { transientRootEntries, transientRootSteps } from './transient-root.ts';
import { enablementEntries, wantedAlways } from './units.ts';

/**
 * What a configuration puts into an image. Pure: the same configuration, files and version give the same plan. A valid
 * configuration never throws. The steps of the kinds `without` are left out, and the manifest says so.
 */
export function makePlan(
  config: Config,
  files: StaticFiles,
  moduleVersion: string,
  without: readonly StepKind[] = [],
): Plan {
  const all = [...selinuxSteps(config), ...transientRootSteps(config)];
  const steps = all.filter(({ kind }) => !without.includes(kind));
  const leftOut = all.filter((step) => !steps.includes(step));
  const entries = [
    ...staticEntries(files, 'image'),
    ...transientRootEntries(config, files),
    ...enablementEntries(wantedAlways(config)),
    ...persistenceEntries(config),
    ...installerEntries(config, files),
    ...nixConfEntries(config),
    ...steps.flatMap((step) => (step.kind === 'selinux' ? selinuxEntries(files) : [])),
  ];
  const record = recordEntries(config, byPath(entries), { steps, leftOut }, moduleVersion);
  return { entries: byPath([...entries, ...record]), steps, persistentDirectories: persistentDirectories(config) };
}

// By code unit, not by locale: the order must be the same on every machine.
function byPath(entries: readonly ImageEntry[]): ImageEntry[] {
  return entries.toSorted((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
}
