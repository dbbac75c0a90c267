import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import { Deflate } from 'pako';
import { ImageError } from './image-error.ts';

/** How a layer can be compressed. */
export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** The compression that the name of a layer's file asks for; undefined where it ends in nothing known. */
export function compressionOfFile(name: string): Compression | undefined {
  const endings = { '.tar': 'none', '.tar.gz': 'gzip', '.tgz': 'gzip', '.tar.zst': 'zstd' } as const;
  return Object.entries(endings).find(([ending]) => name.endsWith(ending))?.[1];
}

/** The same compressed bytes are promised everywhere, and the library's release decides them. */
const zstdRelease = '1.5.7';

/** A multiple of zstd's blocks: what is fed in at once decides where its blocks end. */
const chunkBytes = 1024 * 1024;

/**
 * Compresses a stream. The result depends on the bytes alone, not on the machine, the Node or how they
 * come. Throws an `ImageError` where this Node cannot keep that.
 */
export function compress(source: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  if (compression === 'none') return source;
  return compression === 'gzip' ? gzip(inChunks(source)) : zstd(inChunks(source));
}

// Not node:zlib: the zlib that a Node is built with differs, and with it what it makes of the same bytes.
async function* gzip(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const deflate = new Deflate({ level: 6, gzip: true, chunkSize: 256 * 1024 });
  let compressed: Uint8Array[] = [];
  deflate.onData = (chunk) => void compressed.push(chunk);
  for await (const chunk of source) {
    deflate.push(chunk, false);
    for (const out of compressed) yield Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    compressed = [];
  }
  deflate.push(new Uint8Array(0), true);
  if (deflate.err !== 0) throw new Error(`gzip failed: ${deflate.msg}`);
  for (const out of compressed) yield Buffer.from(out.buffer, out.byteOffset, out.byteLength);
}

async function* zstd(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const release = process.versions['zstd'];
  if (release !== zstdRelease) {
    const message = `zstd ${zstdRelease} makes the layers of this version, and this Node has ${release ?? 'none'}`;
    throw new ImageError(message, 'use the Node that npm ci installs (npm run bluebuild-nix), or gzip');
  }
  const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };
  const stream = createZstdCompress({ params, chunkSize: 256 * 1024 });
  yield* Readable.from(source).compose(stream);
}

async function* inChunks(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (let part of source) {
    while (length + part.length >= chunkBytes) {
      const taken = chunkBytes - length;
      yield Buffer.concat([...parts, part.subarray(0, taken)]);
      [parts, length, part] = [[], 0, part.subarray(taken)];
    }
    parts.push(part);
    length += part.length;
  }
  if (length > 0) yield Buffer.concat(parts);
}
