import type { Config } from '../config/config.ts';
import { defaults } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import { textEntry } from './static-files.ts';

/** The mount point, and the directory under /var that is mounted on it. */
export function persistenceEntries({ persistence }: Config): ImageEntry[] {
  const dropIn = textEntry('/usr/lib/systemd/system/nix.mount.d/50-persistence.conf', `[Mount]\nWhat=${persistence}\n`);
  return [
    { kind: 'directory', path: '/nix', mode: 0o755 },
    textEntry('/usr/lib/tmpfiles.d/nix.conf', `d ${persistence} 0755 root root - -\n`),
    ...(persistence === defaults.persistence ? [] : [dropIn]),
  ];
}
