import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Compression } from './compression-name.ts';
import { compress } from './compression.ts';
import { cleaningUp } from '../temporary/signals.ts';
import { packTar, tarEntries, type Downloaded, type LayerChanges } from './tar-layer.ts';

/** A layer that was written; digests as OCI writes them (`sha256:…`). */
export type WrittenLayer = {
  compression: Compression;
  /** Of the file. */
  digest: string;
  bytes: number;
  /** Of the tar in it. */
  diffId: string;
};

/**
 * Writes a layer to a file that must not exist yet, and removes it where that fails. Throws Node's own errors.
 */
export async function writeLayer(
  changes: LayerChanges,
  path: string,
  options: { compression: Compression; downloaded: Downloaded; modificationTime: number },
): Promise<WrittenLayer> {
  const entries = tarEntries(changes, options.downloaded, options.modificationTime);
  const tar = createHash('sha256');
  const file = createHash('sha256');
  let bytes = 0;
  const compressed = compress(hashed(packTar(entries, options.downloaded), tar), options.compression);
  const descriptor = openSync(path, 'wx');
  const remove = () => rmSync(path, { force: true });
  await cleaningUp(remove, async () => {
    // Written at once, and not by way of a stream, which would hold many pieces while it waits for the disk.
    for await (const piece of compressed) {
      if (options.compression !== 'none') file.update(piece);
      for (let at = 0; at < piece.length;) at += writeSync(descriptor, piece, at);
      bytes += piece.length;
    }
  })
    .catch((cause: unknown) => {
      remove();
      throw cause;
    })
    .finally(() => closeSync(descriptor));
  const diffId = `sha256:${tar.digest('hex')}`;
  const digest = options.compression === 'none' ? diffId : `sha256:${file.digest('hex')}`;
  return { compression: options.compression, digest, bytes, diffId };
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncIterable<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
