import type { Config } from '../config/config.ts';
import type { NixConfValue } from '../config/recipe-entry.ts';
import type { ImageEntry } from './image-entry.ts';
import { textEntry } from './static-files.ts';

/**
 * The settings for nix.conf (`name = value` lines, nix.conf(5)), as an installer reads them at first boot. With `native`
 * they are the image's nix.conf, which takes in what a user writes into nix.custom.conf, as Determinate's does.
 */
export function nixConfEntries({ nixConf, installer }: Config): ImageEntry[] {
  const lines = Object.entries(nixConf).map(([name, value]) => `${name} = ${valueText(value)}`.trimEnd());
  if (installer.provider !== 'native') return [nixConfEntry('/usr/share/bluebuild/nix/nix.conf', lines)];
  return ['/etc/nix/nix.conf', '/usr/share/bluebuild/nix/nix.conf'].map((path) =>
    nixConfEntry(path, [...lines, '!include nix.custom.conf']),
  );
}

function nixConfEntry(path: string, lines: readonly string[]): ImageEntry {
  return textEntry(path, lines.map((line) => `${line}\n`).join(''));
}

function valueText(value: NixConfValue): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}
