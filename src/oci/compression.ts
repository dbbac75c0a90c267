import { Readable } from 'node:stream';
// Whole: an older Node has no zstd, and a name it has not would keep it from gzip as well.
import zlib from 'node:zlib';
import { Deflate, Z_NO_FLUSH, Z_SYNC_FLUSH } from 'pako';
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

// RFC 1952: no name, no time, made on Unix.
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
// RFC 1951, 3.2.4: an empty stored block, the last one.
const lastBlock = Buffer.from([1, 0, 0, 0xff, 0xff]);

/**
 * Not node:zlib: the zlib that a Node is built with differs, and with it what it makes of the same bytes. JavaScript is
 * slower, so what cannot be made smaller (an installer is mostly a compressed archive) is stored as it is.
 */
async function* gzip(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let deflate: Deflate | undefined;
  let checksum = 0;
  let bytes = 0;
  yield gzipHeader;
  for await (const chunk of source) {
    checksum = zlib.crc32(chunk, checksum);
    bytes += chunk.length;
    if (isDense(chunk)) {
      yield* deflated(deflate, Buffer.alloc(0), Z_SYNC_FLUSH);
      // What follows must not refer to what stood before: it would count the distance without this chunk.
      deflate = undefined;
      yield* stored(chunk);
    } else {
      deflate ??= new Deflate({ level: 6, raw: true, chunkSize: 256 * 1024 });
      yield* deflated(deflate, chunk, Z_NO_FLUSH);
    }
  }
  yield* deflated(deflate, Buffer.alloc(0), Z_SYNC_FLUSH);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  yield Buffer.concat([lastBlock, trailer]);
}

function deflated(
  deflate: Deflate | undefined,
  chunk: Buffer,
  flush: typeof Z_NO_FLUSH | typeof Z_SYNC_FLUSH,
): Buffer[] {
  if (!deflate) return [];
  const pieces: Buffer[] = [];
  deflate.onData = (piece) => void pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
  if (!deflate.push(chunk, flush)) throw new Error(`gzip failed: ${deflate.msg}`);
  return pieces;
}

/** Whether all byte values are about as frequent: then less than 0.4 % could be won. In whole numbers, so exact. */
function isDense(chunk: Buffer): boolean {
  const counts = new Uint32Array(256);
  // By index: the iterator of a Buffer takes ten times as long.
  for (let at = 0; at < chunk.length; at += 1) counts[chunk[at]!]! += 1;
  const squares = counts.reduce((sum, count) => sum + count * count, 0);
  return 25 * (256 * squares - chunk.length ** 2) < chunk.length ** 2;
}

function* stored(chunk: Buffer): Iterable<Buffer> {
  const longest = 0xffff;
  for (let at = 0; at < chunk.length; at += longest) {
    const block = chunk.subarray(at, at + longest);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(block.length, 1);
    header.writeUInt16LE(~block.length & 0xffff, 3);
    yield header;
    yield block;
  }
}

async function* zstd(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const release = process.versions['zstd'];
  if (release !== zstdRelease) {
    const message = `zstd ${zstdRelease} makes the layers of this version, and this Node has ${release ?? 'none'}`;
    throw new UserError(message, 'use the Node that npm ci installs (npm run bluebuild-nix), or gzip');
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
