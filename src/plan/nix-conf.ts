import type { Config } from '../config/config.ts';
import type { NixConfValue } from '../config/recipe-entry.ts';
import type { ImageEntry } from './image-entry.ts';
import { textEntry } from './static-files.ts';

/** The settings for nix.conf, as the installer reads them at first boot (`name = value` lines, nix.conf(5)). */
export function nixConfEntries({ nixConf }: Config): ImageEntry[] {
  const lines = Object.entries(nixConf).map(([name, value]) => `${name} = ${valueText(value)}`.trimEnd());
  return [textEntry('/usr/share/bluebuild/nix/nix.conf', lines.map((line) => `${line}\n`).join(''))];
}

function valueText(value: NixConfValue): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}
