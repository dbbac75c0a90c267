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
    if (installer.provider !== 'native') return { entries: [entry('/usr/share/bluebuild/nix/nix.conf', lines)] };
    const withCustom = [...lines, '!include nix.custom.conf'];
    return {
      entries: ['/etc/nix/nix.conf', '/usr/share/bluebuild/nix/nix.conf'].map((path) => entry(path, withCustom)),
    };
  },
};

function entry(path: string, lines: readonly string[]): ImageEntry {
  return textEntry(path, lines.map((line) => `${line}\n`).join(''));
}

function valueText(value: NixConfValue): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}
