import type { Config, Downloaded } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import type { PartMaker } from './part.ts';
import { type StaticFiles, staticEntries, textEntry } from './static-files.ts';
import { enabledUnits } from './units.ts';

/**
 * What first boot needs on the disk beside the store before it begins, in MiB. For a nix-installer: Nix's own closure, the
 * copy of the installer that it leaves in /nix, and room for the first builds; for `native`: the closure and that room;
 * for `system`: an empty database.
 */
const minimumFree = { determinate: 1024, nixos: 1024, native: 512, system: 16 };

/** The program and the units of the first boot, and what they read of the recipe. */
export const firstBoot: PartMaker = {
  name: 'first-boot',
  make: ({ installer, persistence }, files) => {
    const { provider, version, url, sha256, embed } = installer;
    const settings = {
      provider,
      persistence,
      'minimum-free-mebibytes': minimumFree[provider],
      ...(provider !== 'system' && { version, embedded: embed, url: embed ? '' : url, sha256 }),
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    return {
      entries: [
        ...staticEntries(files, 'first-boot'),
        ...(provider === 'system' ? [] : staticEntries(files, 'daemon')),
        textEntry('/usr/share/bluebuild/nix/install.conf', lines.join('')),
        ...enabledUnits({
          'multi-user.target': ['nix-install.service'],
          'sockets.target': ['nix-daemon.socket'],
          'sysinit.target': ['nix-users.service'],
        }),
      ],
    };
  },
};

/** What first boot installs from: in the image, or downloaded by then. `name` is for messages. */
export function payloadEntries(
  { url, sha256, embed }: Config['installer'] & { provider: Downloaded },
  files: StaticFiles,
  { path, mode, name }: { path: string; mode: number; name: string },
): ImageEntry[] {
  if (!embed) return staticEntries(files, 'download');
  return [{ kind: 'download', path, mode, download: { url, sha256, name } }];
}
