import { Readable } from 'node:stream';
// Whole: an older Node has no zstd, and a name it has not would keep it from gzip as well.
import zlib from 'node:zlib';
import { Deflate } from 'pako';
import type { Compression } from './compression-name.ts';
import { UserError } from '../diagnostic/user-error.ts';

/** The same compressed bytes are promised everywhere, and the library's release decides them. */
const zstdRelease = '1.5.7';

/** A multiple of zstd's blocks: what is fed in at once decides where its blocks end. */
const chunkBytes = 1024 * 1024;

/**
 * Compresses a stream. The result depends on the bytes alone, not on the machine, the Node or how they
 * come. Throws a `UserError` where this Node cannot keep that.
 */
export function compress(source: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  if (compression === 'none') return source;
  return compression === 'gzip' ? gzip(inChunks(source)) : zstd(inChunks(source));
}

/** Not node:zlib, whose bytes differ between builds of Node. Its header has no name and no time (RFC 1952). */
async function* gzip(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const deflate = new Deflate({ level: 6, gzip: true, chunkSize: chunkBytes });
  let pieces: Buffer[] = [];
  deflate.onData = (piece) => void pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
  const push = (chunk: Buffer, isLast: boolean): Buffer[] => {
    pieces = [];
    if (!deflate.push(chunk, isLast)) throw new Error(`gzip failed: ${deflate.msg}`);
    return pieces;
  };
  for await (const chunk of source) yield* push(chunk, false);
  yield* push(Buffer.alloc(0), true);
}

async function* zstd(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const release = process.versions['zstd'];
  if (release !== zstdRelease) {
    const message = `zstd ${zstdRelease} makes the layers of this version, and this Node has ${release ?? 'none'}`;
    throw new UserError(message, 'use Node 24, or gzip');
  }
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: 3, [zlib.constants.ZSTD_c_checksumFlag]: 1 };
  const stream = zlib.createZstdCompress({ params, chunkSize: 256 * 1024 });
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
