import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { UserError } from '../diagnostic/user-error.ts';
import { packTar, type TarEntry } from './tar-layer.ts';

/** What belongs to a layout; an archive may hold more (docker save writes its own index beside OCI's). */
const ofLayout = /^(\.\/)?(oci-layout|index\.json|blobs\/(sha256\/[0-9a-f]{64}|sha512\/[0-9a-f]{128}))$/;

/** Unpacks the archive of a layout into an empty directory. Throws a `UserError` for a file that is none. */
export async function unpackArchive(file: string, directory: string): Promise<void> {
  checkArchive(file);
  const archive = extract();
  const help = 'the archive is damaged or incomplete: write it again (skopeo copy … oci-archive:FILE:TAG)';
  const reading = pipeline(
    createReadStream(file, { highWaterMark: 256 * 1024 }),
    archive as unknown as NodeJS.WritableStream,
  );
  reading.catch(() => {});
  try {
    for await (const entry of archive) {
      const { name, type } = entry.header;
      if (!ofLayout.test(name)) {
        entry.resume();
        continue;
      }
      if (type !== 'file') throw new UserError(`${file}: ${name} in it is not a regular file`, help);
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      await pipeline(Readable.from(entry as AsyncIterable<Buffer>), createWriteStream(path, { flags: 'w' }));
    }
    await reading;
  } catch (cause) {
    if (cause instanceof UserError || (cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new UserError(`${file} cannot be read as a tar: ${(cause as Error).message}`, help, { cause });
  }
}

function checkArchive(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new UserError(`${file} does not exist`, 'name the archive of an OCI layout');
  if (found.isDirectory()) throw new UserError(`${file} is a directory`, 'for a layout write oci:DIRECTORY');
  const start = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, start, 0, start.length, 0);
  closeSync(descriptor);
  const packers = { '1f8b': 'gunzip', '28b52ffd': 'zstd -d' };
  const packer = Object.entries(packers).find(([magic]) => start.toString('hex').startsWith(magic))?.[1];
  if (packer) throw new UserError(`${file} is compressed`, `unpack it first: ${packer} ${file}`);
}

/** Packs a layout into a file that must not exist yet: sorted, the same to the byte for the same layout. */
export async function packArchive(directory: string, file: string): Promise<void> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const contents = new Map(paths.map((path) => [relative(directory, path), { path, bytes: statSync(path).size }]));
  const entries = [...contents]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { bytes }]): TarEntry => ({
      header: { name, type: 'file', mode: 0o644, size: bytes, mtime: new Date(0), uid: 0, gid: 0 },
      content: { sha256: name },
    }));
  await pipeline(Readable.from(packTar(entries, contents)), createWriteStream(file, { flags: 'wx' }));
}
