import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';

/** Which target wants which unit. Under /usr/lib, so that the image enables them and a user can mask them. */
type Wanted = Readonly<Record<string, readonly string[]>>;

export function wantedAlways({ installer }: Config): Wanted {
  return {
    'local-fs.target': ['nix.mount'],
    'multi-user.target': ['nix-install.service'],
    'sockets.target': ['nix-daemon.socket', ...(installer.provider === 'native' ? [] : ['determinate-nixd.socket'])],
  };
}

/** The links by which the image enables its units, as `systemctl enable` would make them in /etc. */
export function enablementEntries(wanted: Wanted): ImageEntry[] {
  return Object.entries(wanted).flatMap(([target, units]) =>
    units.map((unit): ImageEntry => ({
      kind: 'symlink',
      path: `/usr/lib/systemd/system/${target}.wants/${unit}`,
      target: `../${unit}`,
    })),
  );
}
