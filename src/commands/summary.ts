import type { Config } from '../config/config.ts';
import { printable } from '../diagnostic/format.ts';

/** A configuration in one line. */
export function summary({ installer, persistence, transientRoot, architecture }: Config): string {
  const how = installer.embed ? 'embedded' : 'downloaded at first boot';
  const nix =
    installer.provider === 'system'
      ? `the Nix of the distribution for ${architecture}`
      : `${installer.provider} ${installer.version} for ${architecture}, ${how}`;
  const parts = [nix, `store in ${persistence}`, `transient root: ${transientRoot}`];
  return parts.join(', ');
}

/** A warning for each file of an earlier bake that something has changed since. `name` is the image's. */
export function leftAsItIs(paths: readonly string[], name?: string): string {
  const where = name === undefined ? '' : `${name}: `;
  return paths
    .map(
      (path) =>
        `warning: ${where}${printable(path)} was baked earlier and has changed since: it is kept; remove it if nothing needs it\n`,
    )
    .join('');
}
