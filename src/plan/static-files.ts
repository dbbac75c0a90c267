import type { ImageEntry } from './image-entry.ts';

/** The files of modules/nix/files: by part of the layer (a folder there), then by absolute path in the image. */
export type StaticFiles = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;

/** The files of one part as entries. A file with a `#!` line is executable, even if a checkout or a copy lost its mode. */
export function staticEntries(files: StaticFiles, part: string): ImageEntry[] {
  const found = files.get(part);
  if (!found) throw new Error(`this program is incomplete: it has no files for ${part}`);
  return [...found].map(([path, content]) => ({
    kind: 'file',
    path,
    mode: content.subarray(0, 2).equals(Buffer.from('#!')) ? 0o755 : 0o644,
    content,
  }));
}

/** A small text that the recipe decides. */
export function textEntry(path: string, text: string): ImageEntry {
  return { kind: 'file', path, mode: 0o644, content: Buffer.from(text) };
}

/** The entries with another value in the line `key=` of one unit, which the recipe decides. */
export function withLine(entries: readonly ImageEntry[], path: string, key: string, value: string): ImageEntry[] {
  return entries.map((entry) =>
    entry.path === path && entry.kind === 'file'
      ? {
          ...entry,
          content: Buffer.from(
            entry.content.toString().replace(new RegExp(`^${key}=.*$`, 'm'), () => `${key}=${value}`),
          ),
        }
      : entry,
  );
}
