import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Plan } from '../plan/image-entry.ts';
import type { Image } from './append-layer.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { type Descriptor, mediaTypes } from './oci-document.ts';
import { blobFile, checkDigest } from './oci-layout.ts';
import { parentsOf } from './tar-layer.ts';

/**
 * How much is read of a base in order to append to it, in compressed bytes. Its upper layers are where somebody's own
 * changes are; the whole of it is 4 GB and its time would be the user's.
 */
const readLimit = 16 * 1024 * 1024;

/** What the topmost layer that knows of a path says it is. */
export type Seen = { kind: 'directory' | 'file' | 'removed' } | { kind: 'symlink'; target: string };

/**
 * Looks paths up in the layers of an image, from the top down, until all are found or the limit is reached. A layer is
 * read whole or not at all, and its digest is checked. `without` is a layer that is to be replaced. Gives what was
 * found; a path of which nothing was read is missing.
 */
export async function lookUp(
  directory: string,
  { name, manifest }: Image,
  paths: ReadonlySet<string>,
  without: number | undefined,
): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  let left = readLimit;
  for (const [index, layer] of [...manifest.layers.entries()].reverse()) {
    if (index === without) continue;
    left -= layer.size;
    if (left < 0 || seen.size === paths.size) break;
    const file = blobFile(directory, layer, name);
    const unpacker = unpackerOf(layer);
    // Encrypted or foreign: nobody here knows what is in it, so nothing below it is the top either.
    if (file === undefined || unpacker === undefined) break;
    const inLayer = await readLayer(file, unpacker(), layer, name, paths);
    for (const [path, one] of inLayer) if (!seen.has(path)) seen.set(path, one);
  }
  return seen;
}

function unpackerOf({ mediaType }: Descriptor): (() => Duplex | undefined) | undefined {
  const { none, gzip, zstd } = mediaTypes.layer;
  const unpackers = new Map<string, () => Duplex | undefined>([
    [none, () => undefined],
    [gzip, () => createGunzip()],
    [zstd, () => createZstdDecompress()],
  ]);
  return unpackers.get(mediaType);
}

async function readLayer(
  file: string,
  unpacker: Duplex | undefined,
  layer: Descriptor,
  name: string,
  paths: ReadonlySet<string>,
): Promise<Map<string, Seen>> {
  const [algorithm = ''] = layer.digest.split(':');
  const hash = createHash(algorithm);
  const compressed = async function* (): AsyncIterable<Buffer> {
    for await (const piece of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      hash.update(piece as Buffer);
      yield piece as Buffer;
    }
  };
  const archive = extract();
  const inLayer = new Map<string, Seen>();
  archive.on('entry', (header, content, next) => {
    const path = `/${header.name.replace(/^(\.?\/)+/, '').replace(/\/$/, '')}`;
    note(inLayer, paths, path, header);
    content.on('end', next);
    content.resume();
  });
  const source = Readable.from(compressed());
  const sink = archive as unknown as NodeJS.WritableStream;
  try {
    await (unpacker ? pipeline(source, unpacker, sink) : pipeline(source, sink));
  } catch (cause) {
    const help = 'the layout is damaged or incomplete: copy the image into it anew (skopeo copy)';
    throw new UserError(`${name}: the layer ${layer.digest} cannot be read: ${(cause as Error).message}`, help, cause);
  }
  checkDigest(layer, hash.digest('hex'), name);
  return inLayer;
}

/** A whiteout (image-spec, layer.md) says that a path of the layers below is gone; it never hides its own layer's. */
function note(
  inLayer: Map<string, Seen>,
  paths: ReadonlySet<string>,
  path: string,
  header: { type: string; linkname: string | null },
): void {
  const [parent, base] = [dirname(path), path.slice(path.lastIndexOf('/') + 1)];
  if (base === '.wh..wh..opq') {
    for (const below of paths)
      if (below.startsWith(`${parent}/`) && !inLayer.has(below)) inLayer.set(below, { kind: 'removed' });
  } else if (base.startsWith('.wh.')) {
    const gone = parent === '/' ? `/${base.slice(4)}` : `${parent}/${base.slice(4)}`;
    for (const one of paths) {
      if ((one === gone || one.startsWith(`${gone}/`)) && !inLayer.has(one)) inLayer.set(one, { kind: 'removed' });
    }
  } else if (paths.has(path)) {
    const kind = header.type === 'directory' ? 'directory' : 'file';
    inLayer.set(path, header.type === 'symlink' ? { kind: 'symlink', target: header.linkname ?? '' } : { kind });
  }
}

/** The paths that decide whether a plan can be laid over an image: what it writes, and the directories above. */
export function pathsOf(plan: Plan): Set<string> {
  return new Set(plan.entries.flatMap(({ path }) => [...parentsOf(path), path]));
}

/** Throws a `UserError` where something of the base stands in the way of a plan, as writing into a root would. */
export function checkRoom(plan: Plan, seen: ReadonlyMap<string, Seen>, name: string): void {
  for (const entry of plan.entries) {
    for (const path of [...parentsOf(entry.path), entry.path]) {
      const found = seen.get(path);
      if (!found || found.kind === 'removed') continue;
      const isDirectory = path !== entry.path || entry.kind === 'directory';
      if (isDirectory && found.kind !== 'directory') {
        const what = found.kind === 'symlink' ? `a symbolic link to ${found.target}` : 'not a directory';
        throw new UserError(
          `${path} in ${name} is ${what}`,
          `${path} must be a real directory: remove it from the base`,
        );
      }
      if (!isDirectory && found.kind === 'directory') {
        throw new UserError(`${path} in ${name} is a directory`, 'a file of this module belongs there: remove it');
      }
    }
  }
}
