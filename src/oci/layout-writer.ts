import { createHash, hash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { lock } from 'proper-lockfile';
import { UserError } from '../diagnostic/user-error.ts';
import { cleaningUp } from '../temporary/signals.ts';
import { sweep, temporaryPath } from '../temporary/temporary-path.ts';
import { type Transaction, transact } from '../temporary/transaction.ts';
import { checkParent } from '../temporary/writable-parent.ts';
import { type Descriptor, type Index, mediaTypes } from './oci-document.ts';
import { blobFile, blobPath, checkDigest, readIndex, tagAnnotation } from './oci-layout.ts';

/** All that is to be in a layout for one tag to work. */
export type LayoutContent = {
  /** What the tag names. */
  top: Descriptor;
  tag: string | undefined;
  /** Manifests, configs and indexes that were made. */
  documents: readonly Buffer[];
  /** Layers that were made: finished files in the working directory, which are moved. */
  layers: readonly { digest: string; path: string }[];
  /** Blobs of the base, which are linked, or copied where that cannot be. */
  base: { directory: string; blobs: readonly { descriptor: Descriptor; name: string }[] };
};

/** How much of a layout was written, in bytes. */
export type WriteStats = { linked: number; copied: number; written: number };

/** How long another process may write into the same layout before this one gives up, in seconds. */
const longestWait = 600;

/** Throws a `UserError` or Node's own error where a layout cannot be written into `directory`; writes nothing. */
export function checkWritable(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found) return checkParent(directory);
  if (!found.isDirectory() || readdirSync(directory).length > 0) readIndex(directory);
  accessSync(directory, constants.W_OK | constants.X_OK);
  const blobs = join(directory, 'blobs');
  if (existsSync(blobs)) accessSync(blobs, constants.W_OK | constants.X_OK);
}

/** Runs `work` with a directory of its own on the file system of the place that is written to, and removes it after. */
export async function withWorkingDirectory<Result>(
  place: string,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const isThere = statSync(place, { throwIfNoEntry: false })?.isDirectory();
  const parent = isThere ? place : dirname(resolve(place));
  sweep(parent);
  const directory = temporaryPath(parent, isThere ? 'work' : basename(place));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  return await cleaningUp(remove, () => work(directory)).finally(remove);
}

/**
 * Puts an image into a layout, which is made where there is none. Blobs come first and index.json last, by one rename:
 * whatever fails before, every tag works as it did, and what was made is removed. Two processes wait for each other.
 */
export async function writeLayout(directory: string, content: LayoutContent): Promise<WriteStats> {
  const isNew = makeDirectory(directory);
  const removeIfEmpty = () => {
    if (isNew && readdirSync(directory).length === 0) rmdirSync(directory);
  };
  const release = await lock(directory, {
    lockfilePath: join(directory, '.bluebuild-nix.lock'),
    retries: { retries: longestWait * 2, minTimeout: 50, maxTimeout: 500 },
  }).catch((cause: unknown) => {
    removeIfEmpty();
    if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
    const help = 'wait for it, or remove .bluebuild-nix.lock there if nothing is running';
    throw new UserError(`another process is writing into ${directory}`, help, { cause });
  });
  try {
    return await transact(directory, (transaction) => writeInto(directory, content, transaction));
  } finally {
    await release();
    // The directory itself held the lock until now.
    removeIfEmpty();
  }
}

async function writeInto(directory: string, content: LayoutContent, transaction: Transaction): Promise<WriteStats> {
  const stats: WriteStats = { linked: 0, copied: 0, written: 0 };
  const blobs = join(directory, 'blobs');
  for (const parent of [directory, ...list(blobs).map((algorithm) => join(blobs, algorithm))]) sweep(parent);
  const index = indexOf(directory);
  for (const { descriptor, name } of content.base.blobs) {
    await bringBlob(directory, content.base.directory, descriptor, name, transaction, stats);
  }
  for (const { digest, path } of content.layers) {
    stats.written += statSync(path).size;
    place(path, blobPath(directory, digest), transaction);
  }
  for (const bytes of content.documents) {
    const digest = `sha256:${hash('sha256', bytes)}`;
    stats.written += bytes.length;
    writeFile(blobPath(directory, digest), bytes, transaction);
  }
  if (!existsSync(join(directory, 'oci-layout'))) {
    writeFile(join(directory, 'oci-layout'), Buffer.from('{"imageLayoutVersion":"1.0.0"}'), transaction);
  }
  const updated = Buffer.from(JSON.stringify(tagged(index, content.top, content.tag, directory)));
  const unfinished = temporaryPath(directory, 'index.json');
  transaction.onUndo(() => rmSync(unfinished, { force: true }));
  writeFileSync(unfinished, updated, { flush: true });
  renameSync(unfinished, join(directory, 'index.json'));
  return stats;
}

/** Whether it was made. */
function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    return false;
  }
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function indexOf(directory: string): Index {
  if (existsSync(join(directory, 'index.json'))) return readIndex(directory);
  return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
}

/** The index with `top` under its tag; without a tag it takes the place of the one image that has none. */
function tagged(index: Index, top: Descriptor, tag: string | undefined, directory: string): Index {
  const isOther = ({ annotations }: Descriptor) => annotations?.[tagAnnotation] !== tag;
  const others = index.manifests.filter(isOther);
  if (tag === undefined && index.manifests.length - others.length > 1) {
    throw new UserError(`${directory} holds several images without a tag`, 'name a tag for the new one');
  }
  return { ...index, manifests: [...others, top] };
}

async function bringBlob(
  directory: string,
  from: string,
  descriptor: Descriptor,
  name: string,
  transaction: Transaction,
  stats: WriteStats,
): Promise<void> {
  const source = blobFile(from, descriptor, name);
  if (source === undefined) return;
  const target = blobPath(directory, descriptor.digest);
  const there = statSync(target, { throwIfNoEntry: false });
  if (there?.isFile() && there.size === descriptor.size) return;
  makeParents(target, transaction);
  // A file of the wrong length is replaced.
  rmSync(target, { force: true });
  transaction.onUndo(() => rmSync(target, { force: true }));
  try {
    linkSync(source, target);
    stats.linked += descriptor.size;
  } catch (cause) {
    // Another file system, another owner (fs.protected_hardlinks), too many links, or a file system without any.
    if (
      !['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(
        String((cause as NodeJS.ErrnoException).code),
      )
    ) {
      throw cause;
    }
    await copyBlob(source, target, descriptor, name, transaction);
    stats.copied += descriptor.size;
  }
}

/** A copy that shares the blocks where the file system can, and otherwise checks the digest of what passes through. */
async function copyBlob(
  source: string,
  target: string,
  descriptor: Descriptor,
  name: string,
  transaction: Transaction,
): Promise<void> {
  try {
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return;
  } catch {
    rmSync(target, { force: true });
  }
  const [algorithm = ''] = descriptor.digest.split(':');
  const computed = createHash(algorithm);
  const unfinished = temporaryPath(dirname(target), basename(target));
  transaction.onUndo(() => rmSync(unfinished, { force: true }));
  await pipeline(
    createReadStream(source, { highWaterMark: 256 * 1024 }),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        computed.update(piece);
        yield piece;
      }
    },
    createWriteStream(unfinished, { flags: 'wx' }),
  );
  checkDigest(descriptor, computed.digest('hex'), name);
  renameSync(unfinished, target);
}

function place(source: string, target: string, transaction: Transaction): void {
  makeParents(target, transaction);
  if (!existsSync(target)) transaction.onUndo(() => rmSync(target, { force: true }));
  renameSync(source, target);
}

function writeFile(target: string, bytes: Buffer, transaction: Transaction): void {
  const unfinished = temporaryPath(dirname(target), basename(target));
  makeParents(target, transaction);
  transaction.onUndo(() => rmSync(unfinished, { force: true }));
  writeFileSync(unfinished, bytes);
  place(unfinished, target, transaction);
}

function makeParents(path: string, transaction: Transaction): void {
  const parent = dirname(path);
  if (existsSync(parent)) return;
  makeParents(parent, transaction);
  mkdirSync(parent);
  transaction.onUndo(() => {
    if (existsSync(parent) && readdirSync(parent).length === 0) rmdirSync(parent);
  });
}
