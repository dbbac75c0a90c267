import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import { type StaticFiles, staticEntries } from './static-files.ts';
import type { SelinuxStep } from './step.ts';
import { enablementEntries } from './units.ts';

/** What goes with a policy for /nix: its source, what keeps it as the image has it, and what labels new store paths. */
export function selinuxEntries(files: StaticFiles): ImageEntry[] {
  return [
    ...staticEntries(files, 'selinux'),
    ...enablementEntries({ 'paths.target': ['nix-label.path'], 'multi-user.target': ['nix-label.service'] }),
  ];
}

/** What makes the policy a part of the image's own. */
export function selinuxSteps({ selinux, persistence }: Config): SelinuxStep[] {
  if (selinux === 'off') return [];
  return [
    {
      kind: 'selinux',
      path: '/etc/selinux/*/policy/policy.*',
      needed: selinux === 'on',
      module: '/usr/share/bluebuild/nix/bluebuild-nix.cil',
      priority: 200,
      equivalent: { path: persistence, to: '/nix' },
    },
  ];
}
