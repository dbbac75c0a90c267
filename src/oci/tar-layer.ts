import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { pack, type Header } from 'tar-stream';
import { byCodeUnit, type ImageEntry, parentsOf } from '../plan/image-entry.ts';

/** One entry of a layer's tar: its header, and its content where it is a file. */
export type TarEntry = {
  header: Partial<Header> & Pick<Header, 'name'>;
  /** The content, or the SHA-256 of the download that it is. */
  content?: Buffer | { sha256: string };
};

/** A download that is there: its checked file and its length. */
export type Downloaded = ReadonlyMap<string, { path: string; bytes: number }>;

/**
 * Directories that are symbolic links in the images this module is for (Fedora's filesystem package after the merge of
 * /bin and /sbin; ostree's links into /var and /run). An entry in a layer would replace the link by a directory.
 */
const linkedInBases = new Set(
  ['bin', 'sbin', 'lib', 'lib64', 'home', 'opt', 'srv', 'mnt', 'media', 'root', 'ostree', 'usr/local', 'usr/sbin'].map(
    (path) => `/${path}`,
  ),
);

const pieceBytes = 256 * 1024;

/** The last second that tar-stream writes into a header right; later ones need a PAX record. */
const lastHeaderSecond = 2 ** 31 - 1;

/** What a layer changes: what it puts into an image, and the paths of the layers below that it removes. */
export type LayerChanges = { entries: readonly ImageEntry[]; removed?: readonly string[] };

/**
 * The entries of a layer's tar in the order of their paths, each with every directory above it: an extractor that has
 * to make up a directory makes up its mode as well, and that would hide the base's. Pure.
 */
export function tarEntries(
  { entries: planned, removed = [] }: LayerChanges,
  downloaded: Downloaded,
  modificationTime: number,
): TarEntry[] {
  const pax = modificationTime > lastHeaderSecond ? { pax: { mtime: String(modificationTime) } } : {};
  const mtime = new Date(Math.min(modificationTime, lastHeaderSecond) * 1000);
  const common = { uid: 0, gid: 0, mtime, ...pax };
  const directory = (path: string, mode: number): TarEntry => ({
    header: { ...common, name: `${path.slice(1)}/`, type: 'directory', mode },
  });
  const entries = new Map<string, TarEntry>();
  const whiteouts = removed.map((path) => path.replace(/[^/]*$/, '.wh.$&'));
  for (const path of whiteouts) {
    entries.set(path, {
      header: { ...common, name: path.slice(1), type: 'file', mode: 0o644, size: 0 },
      content: Buffer.alloc(0),
    });
  }
  for (const entry of planned) {
    const name = entry.path.slice(1);
    if (entry.kind === 'directory') {
      entries.set(entry.path, directory(entry.path, entry.mode));
    } else if (entry.kind === 'symlink') {
      entries.set(entry.path, {
        header: { ...common, name, type: 'symlink', mode: 0o777, linkname: entry.target },
      });
    } else {
      const size = entry.kind === 'file' ? entry.content.length : sizeOf(entry.download, downloaded);
      const content = entry.kind === 'file' ? entry.content : { sha256: entry.download.sha256 };
      entries.set(entry.path, { header: { ...common, name, type: 'file', mode: entry.mode, size }, content });
    }
  }
  for (const parent of [...entries.keys()].flatMap(parentsOf)) {
    // Every directory that this module writes into is 0755 in Fedora's images (rpm-ostree makes 0555 ones writable).
    if (!linkedInBases.has(parent) && !entries.has(parent)) entries.set(parent, directory(parent, 0o755));
  }
  // A directory's name comes before what is in it.
  return [...entries].toSorted(([one], [other]) => byCodeUnit(one, other)).map(([, entry]) => entry);
}

function sizeOf({ sha256, name }: { sha256: string; name: string }, downloaded: Downloaded): number {
  const found = downloaded.get(sha256);
  if (!found) throw new Error(`${name} was not downloaded`);
  return found.bytes;
}

/** The tar itself, as it is needed: a download passes through and is never held whole. */
export async function* packTar(entries: readonly TarEntry[], downloaded: Downloaded): AsyncIterable<Buffer> {
  const tar = pack({ highWaterMark: pieceBytes });
  writeAll(tar, entries, downloaded).catch((cause: unknown) =>
    tar.destroy(cause instanceof Error ? cause : new Error(String(cause))),
  );
  for await (const piece of tar) yield piece as Buffer;
}

async function writeAll(tar: ReturnType<typeof pack>, entries: readonly TarEntry[], downloaded: Downloaded) {
  for (const { header, content } of entries) {
    await writeEntry(
      tar,
      header,
      content instanceof Uint8Array || content === undefined ? content : pathOf(content.sha256, downloaded),
    );
  }
  tar.finalize();
}

/** Content is a buffer, or the path of a file. */
async function writeEntry(tar: ReturnType<typeof pack>, header: TarEntry['header'], content?: Buffer | string) {
  let sink: ReturnType<typeof tar.entry> | undefined;
  const written = new Promise<void>((resolve, reject) => {
    const done = (cause?: Error | null) => (cause ? reject(cause) : resolve());
    // tar-stream fills the header in: a copy, because the entries stay as they are.
    if (content === undefined || typeof content === 'string') sink = tar.entry({ ...header }, done);
    else tar.entry({ ...header }, content, done);
  });
  if (typeof content === 'string') {
    // Read before it is waited for: a file that cannot be read must not leave the other waiting.
    written.catch(() => {});
    for await (const piece of createReadStream(content, { highWaterMark: pieceBytes })) {
      if (!sink?.write(piece)) await once(sink as NonNullable<typeof sink>, 'drain');
    }
    sink?.end(undefined);
  }
  await written;
}

function pathOf(sha256: string, downloaded: Downloaded): string {
  const found = downloaded.get(sha256);
  if (!found) throw new Error(`${sha256} was not downloaded`);
  return found.path;
}
