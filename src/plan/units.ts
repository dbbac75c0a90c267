import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';

/** Which target wants which unit. Under /usr/lib, so that the image enables them and a user can mask them. */
function wanted({ installer }: Config): Record<string, string[]> {
  return {
    'local-fs.target': ['nix.mount'],
    'multi-user.target': ['nix-install.service'],
    'sockets.target': ['nix-daemon.socket', ...(installer.provider === 'native' ? [] : ['determinate-nixd.socket'])],
  };
}

/** The links by which the image enables its units, as `systemctl enable` would make them in /etc. */
export function enablementEntries(config: Config): ImageEntry[] {
  return Object.entries(wanted(config)).flatMap(([target, units]) =>
    units.map((unit): ImageEntry => ({
      kind: 'symlink',
      path: `/usr/lib/systemd/system/${target}.wants/${unit}`,
      target: `../${unit}`,
    })),
  );
}
