import type { PartMaker } from './part.ts';
import { staticEntries, textEntry, withLine } from './static-files.ts';
import { enabledUnits } from './units.ts';

/** /nix, and the directory under /var that is mounted on it. */
export const mountPoint: PartMaker = {
  name: 'mount-point',
  make: ({ persistence }, files) => ({
    entries: [
      { kind: 'directory', path: '/nix', mode: 0o755 },
      ...withLine(staticEntries(files, 'mount-point'), '/usr/lib/systemd/system/nix.mount', 'What', persistence),
      textEntry('/usr/lib/tmpfiles.d/nix.conf', `d ${persistence} 0755 root root - -\n`),
      ...enabledUnits({ 'local-fs.target': ['nix.mount'] }),
    ],
  }),
};
