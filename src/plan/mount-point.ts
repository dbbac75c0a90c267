import type { PartMaker } from './part.ts';
import { staticEntries, textEntry, withLine } from './static-files.ts';
import { enabledUnits } from './units.ts';

const units = '/usr/lib/systemd/system';

/** /nix, and the units that mount the persistence on it, wherever an earlier image kept the store. */
export const mountPoint: PartMaker = {
  name: 'mount-point',
  make: ({ persistence }, files) => {
    const installed = `|!${persistence}/var/bluebuild-nix/installed`;
    const second = persistence === '/var/home/nix' ? '/var/lib/nix' : '/var/home/nix';
    let entries = staticEntries(files, 'mount-point');
    entries = withLine(entries, `${units}/nix.mount`, 'What', persistence);
    entries = withLine(entries, `${units}/nix-find-store.service`, 'ConditionPathExists', installed);
    entries = withLine(entries, `${units}/nix-find-store.service`, 'ConditionDirectoryNotEmpty', `|${second}/store`);
    entries = withLine(entries, `${units}/nix-find-store.service`, 'RequiresMountsFor', persistence);
    return {
      entries: [
        { kind: 'directory', path: '/nix', mode: 0o755 },
        ...entries,
        textEntry('/usr/lib/tmpfiles.d/nix.conf', persistenceLine(persistence)),
        ...enabledUnits({ 'local-fs.target': ['nix.mount'] }),
      ],
    };
  },
};

function persistenceLine(directory: string): string {
  return `d ${directory} 0755 root root - -\n`;
}

/** Whether a file of tmpfiles.d is the one that makes the persistence, whichever that is. */
export function isPersistenceLine(text: string): boolean {
  return text === persistenceLine(text.split(' ')[1] ?? '');
}
