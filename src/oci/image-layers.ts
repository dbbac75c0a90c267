import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { UserError } from '../diagnostic/user-error.ts';
import type { Find, Found } from '../plan/demand.ts';
import { modeText, parentsOf } from '../plan/image-entry.ts';
import type { Described } from '../plan/record.ts';
import type { Image } from './image.ts';
import { type Descriptor, mediaTypes } from './oci-document.ts';
import { blobFile, checkDigest } from './oci-layout.ts';

/** The layers of an image, to look at: the same answers that its root would give. */
export type ImageLayers = {
  find: Find;
  describe: (path: string) => Described | undefined;
  /** The content of a regular file that was asked for by `contents`. */
  read: (path: string) => Buffer | undefined;
  /** The digests of layers that cannot be read: encrypted, or not in the layout (foreign). */
  unread: readonly string[];
};

/** What the topmost layer that has a path says of it. */
type Seen = { found: Found; described: Described; content?: Buffer } | 'removed';

/** Two at a time: decompression runs beside the reading. */
const atOnce = 2;

/**
 * Looks paths up in the layers of an image, from the top down, until all are found: to know that something is not there
 * takes all of them. A layer is read whole, and its digest is checked. `without` is a layer that is to be replaced;
 * `contents` are files whose content is kept. Throws a `UserError` for a layer that is damaged.
 */
export async function lookAtLayers(
  directory: string,
  image: Image,
  wanted: { paths: Iterable<string>; contents?: readonly string[] },
  without: number | undefined,
): Promise<ImageLayers> {
  const contents = new Set(wanted.contents ?? []);
  const asked = [...wanted.paths, ...contents];
  const paths = new Set(asked.flatMap((path) => [...parentsOf(path), path]));
  const seen = new Map<string, Seen>();
  const all = image.manifest.layers.filter((_, index) => index !== without).toReversed();
  const isReadable = (layer: Descriptor) =>
    unpackers.has(layer.mediaType) && blobFile(directory, layer, image.name) !== undefined;
  const layers = all.filter(isReadable);
  for (let at = 0; at < layers.length && seen.size < paths.size; at += atOnce) {
    const read = layers.slice(at, at + atOnce).map((layer) => readLayer(directory, layer, image.name, paths, contents));
    for (const inLayer of await Promise.all(read)) {
      for (const [path, one] of inLayer) if (!seen.has(path)) seen.set(path, one);
    }
  }
  const reached = (path: string) => {
    const one = seen.get(path);
    const isReached = parentsOf(path).every((parent) => {
      const above = seen.get(parent);
      return above === undefined || (above !== 'removed' && above.found.kind === 'directory');
    });
    return one === 'removed' || !isReached ? undefined : one;
  };
  return {
    find: (path) => reached(path)?.found,
    describe: (path) => reached(path)?.described,
    read: (path) => reached(path)?.content,
    unread: all.filter((layer) => !isReadable(layer)).map(({ digest }) => digest),
  };
}

const unpackers = new Map<string, () => Duplex | undefined>([
  [mediaTypes.layer.none, () => undefined],
  [mediaTypes.layer.gzip, () => createGunzip()],
  [mediaTypes.layer.zstd, () => createZstdDecompress()],
]);

async function readLayer(
  directory: string,
  layer: Descriptor,
  name: string,
  paths: ReadonlySet<string>,
  contents: ReadonlySet<string>,
): Promise<Map<string, Seen>> {
  const file = blobFile(directory, layer, name) ?? '';
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
  const whiteouts: string[] = [];
  archive.on('entry', (header, content, next) => {
    const path = `/${header.name.replace(/^(\.?\/)+/, '').replace(/\/$/, '')}`;
    const base = path.slice(path.lastIndexOf('/') + 1);
    content.on('end', next);
    if (base.startsWith('.wh.')) whiteouts.push(path);
    if (!paths.has(path) || base.startsWith('.wh.')) return void content.resume();
    const digest = createHash('sha256');
    const pieces: Buffer[] = [];
    content.on('data', (data) => {
      const piece = data as Buffer;
      digest.update(piece);
      if (contents.has(path)) pieces.push(piece);
    });
    content.on('end', () => inLayer.set(path, seenAs(header, digest.digest('hex'), Buffer.concat(pieces))));
  });
  const source = Readable.from(compressed());
  const sink = archive as unknown as NodeJS.WritableStream;
  const through = unpackers.get(layer.mediaType)?.();
  try {
    await (through ? pipeline(source, through, sink) : pipeline(source, sink));
  } catch (cause) {
    const help = 'the layout is damaged or incomplete: copy the image into it again (skopeo copy)';
    throw new UserError(`${name}: the layer ${layer.digest} cannot be read: ${(cause as Error).message}`, help, {
      cause,
    });
  }
  checkDigest(layer, hash.digest('hex'), name);
  hideLower(inLayer, whiteouts, paths);
  return inLayer;
}

function seenAs(header: Header, sha256: string, content: Buffer): Seen {
  const mode = modeText((header.mode ?? 0) & 0o7777);
  if (header.type === 'directory') return { found: { kind: 'directory' }, described: { mode } };
  if (header.type === 'symlink') {
    const target = header.linkname ?? '';
    return { found: { kind: 'symlink', target }, described: { target } };
  }
  return { found: { kind: 'file' }, described: { mode, sha256 }, content };
}

/**
 * Marks what a layer hides of those below: by a whiteout (image-spec, layer.md), which never hides its own layer's, and by
 * something else in the place of a directory.
 */
function hideLower(inLayer: Map<string, Seen>, whiteouts: readonly string[], paths: ReadonlySet<string>): void {
  const hidden = whiteouts.map((whiteout) => {
    const at = whiteout.lastIndexOf('/');
    const [parent, base] = [whiteout.slice(0, at), whiteout.slice(at + 1)];
    return base === '.wh..wh..opq'
      ? { below: `${parent}/` }
      : { below: `${parent}/${base.slice(4)}/`, self: `${parent}/${base.slice(4)}` };
  });
  for (const path of paths) {
    if (inLayer.has(path)) continue;
    const isHidden =
      hidden.some(({ below, self }) => path.startsWith(below) || path === self) ||
      parentsOf(path).some((parent) => {
        const above = inLayer.get(parent);
        return above !== undefined && above !== 'removed' && above.found.kind !== 'directory';
      });
    if (isHidden) inLayer.set(path, 'removed');
  }
}
