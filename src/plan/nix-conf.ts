import type { Config } from '../config/config.ts';
import { defaults } from '../config/defaults.ts';
import type { NixConfValue } from '../config/recipe-entry.ts';
import type { ImageEntry } from './image-entry.ts';
import type { PartMaker } from './part.ts';
import { textEntry } from './static-files.ts';

/**
 * The settings for nix.conf (`name = value` lines, nix.conf(5)), as an installer reads them at first boot. With `native`
 * they are the image's nix.conf, which includes what a user writes into nix.custom.conf, as Determinate's does.
 */
export const nixConf: PartMaker = {
  name: 'nix-conf',
  make: ({ nixConf, installer }) => {
    const lines = Object.entries(nixConf).map(([name, value]) => `${name} = ${valueText(value)}`.trimEnd());
    if (installer.provider === 'system') return { entries: [besidePackage(nixConf, lines)] };
    if (installer.provider !== 'native') return { entries: [entry('/usr/share/bluebuild/nix/nix.conf', lines)] };
    const withCustom = [...lines, '!include nix.custom.conf'];
    return {
      entries: ['/etc/nix/nix.conf', '/usr/share/bluebuild/nix/nix.conf'].map((path) => entry(path, withCustom)),
    };
  },
};

/**
 * For a Nix of the distribution, whose nix.conf stays as it is: Nix reads this file after it (nix.conf(5), XDG_CONFIG_DIRS), as
 * root and as anybody. Our defaults add to the package's settings; what a person writes into nix.custom.conf comes last.
 */
function besidePackage(nixConf: Config['nixConf'], lines: readonly string[]): ImageEntry {
  const features = 'experimental-features';
  const isDefault = nixConf[features] === defaults['nix-conf'][features];
  return entry('/etc/xdg/nix/nix.conf', [
    ...lines.map((line) => (isDefault && line.startsWith(`${features} `) ? `extra-${line}` : line)),
    '!include /etc/nix/nix.custom.conf',
  ]);
}

function entry(path: string, lines: readonly string[]): ImageEntry {
  return textEntry(path, lines.map((line) => `${line}\n`).join(''));
}

function valueText(value: NixConfValue): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}
