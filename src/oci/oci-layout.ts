import { hash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from './image.ts';
import { printable } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import {
  type Descriptor,
  inOci,
  type Index,
  isForeign,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
} from './oci-document.ts';

/** The annotation that holds a tag in index.json (image-spec, image-layout.md). */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

/** What index.json leads to: an image, an index of images, or something that belongs to an image. */
export type LayoutNode =
  | { kind: 'image'; descriptor: Descriptor; image: Image }
  | { kind: 'index'; descriptor: Descriptor; index: Index; children: LayoutNode[] }
  | { kind: 'attestation'; descriptor: Descriptor };

/** Largest document that is read whole; registries and containers/image have the same limit. */
const largestDocument = 4 * 1024 * 1024;

const damaged = 'the layout is damaged or incomplete: copy the image into it again (skopeo copy)';

/** Reads the index.json of a layout; throws a `UserError` for a directory that is none. */
export function readIndex(directory: string): Index {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found) throw new UserError(`${directory} does not exist`, 'name a directory with an OCI layout in it');
  if (!found.isDirectory()) {
    throw new UserError(`${directory} is not a directory`, 'for an archive of a layout write oci-archive:FILE');
  }
  const help = 'name the directory that holds `oci-layout` and `index.json`; skopeo copy … oci:DIRECTORY:TAG makes one';
  let layout: unknown;
  try {
    layout = JSON.parse(readFileSync(join(directory, 'oci-layout'), 'utf8'));
  } catch (cause) {
    throw new UserError(`${directory} is not an OCI layout: its file oci-layout is missing or damaged`, help, {
      cause,
    });
  }
  const version = (layout as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
  if (version !== '1.0.0') {
    throw new UserError(`${directory} is an OCI layout of version ${JSON.stringify(version)}, not 1.0.0`, help);
  }
  return parseIndex(readDocumentFile(join(directory, 'index.json')), join(directory, 'index.json'));
}

/** The one thing in an index that a tag names, or that is there alone. */
export function select(index: Index, tag: string | undefined, name: string): Descriptor {
  const tags = index.manifests.flatMap(({ annotations }) => annotations?.[tagAnnotation] ?? []);
  const [found, second] = index.manifests.filter(
    ({ annotations }) => tag === undefined || annotations?.[tagAnnotation] === tag,
  );
  const there = tags.length > 0 ? `its tags are ${tags.join(', ')}` : 'nothing in it has a tag: leave the tag out';
  if (!found) {
    throw tag === undefined || index.manifests.length === 0
      ? new UserError(`${name} holds no image`, 'copy one into it first')
      : new UserError(`${name}: no image has this tag`, there);
  }
  if (second && tag === undefined) throw new UserError(`${name} holds several images`, `name one: ${there}`);
  if (second) throw new UserError(`${name}: several images have this tag`, 'remove the others from index.json');
  return found;
}

/** Reads everything but layers that a descriptor leads to, and checks the digest of all it reads. */
export function readImages(directory: string, descriptor: Descriptor, name: string, depth = 0): LayoutNode {
  const { mediaType } = inOci(descriptor);
  if (descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest') {
    return { kind: 'attestation', descriptor };
  }
  const document = () => readDocument(directory, descriptor, name);
  if (mediaType === mediaTypes.index) {
    if (depth >= 4) throw new UserError(`${name}: too many nested indexes`, damaged);
    const index = parseIndex(document(), name);
    const children = index.manifests.map((child) => readImages(directory, child, nameOf(child, name), depth + 1));
    return { kind: 'index', descriptor, index, children };
  }
  if (mediaType !== mediaTypes.manifest) {
    const help = mediaType.includes('manifest.v1')
      ? 'pull it again from its registry: skopeo copy --format oci …'
      : 'name a base that can be booted or run';
    throw new UserError(`${name} is of the type ${mediaType}: it is not a container image`, help);
  }
  const manifest = parseManifest(document(), name);
  const config = parseConfig(readDocument(directory, manifest.config, `${name}, its config`), `${name}, its config`);
  return { kind: 'image', descriptor, image: { name, manifest, config } };
}

function nameOf({ platform, digest }: Descriptor, name: string): string {
  return printable(`${name} (${platform ? `${platform.os}/${platform.architecture}` : digest.slice(0, 19)})`);
}

/** Where a layout keeps a blob; the digest must have been checked (oci-document.ts does). */
export function blobPath(directory: string, digest: string): string {
  return join(directory, 'blobs', ...digest.split(':'));
}

/** The real file of a blob, which is there and as long as it should be; undefined for a foreign layer that is not. */
export function blobFile(directory: string, descriptor: Descriptor, name: string): string | undefined {
  const path = blobPath(directory, descriptor.digest);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found && isForeign(descriptor)) return undefined;
  if (!found?.isFile()) throw new UserError(`${name}: the blob ${descriptor.digest} is missing`, damaged);
  if (found.size !== descriptor.size) {
    const sizes = `${found.size} bytes long instead of ${descriptor.size}`;
    throw new UserError(`${name}: the blob ${descriptor.digest} is ${sizes}`, damaged);
  }
  return realpathSync(path);
}

function readDocument(directory: string, descriptor: Descriptor, name: string): Buffer {
  const path = blobFile(directory, descriptor, name);
  if (path === undefined) throw new UserError(`${name}: the blob ${descriptor.digest} is missing`, damaged);
  const bytes = readDocumentFile(path);
  const [algorithm = ''] = descriptor.digest.split(':');
  checkDigest(descriptor, hash(algorithm, bytes), name);
  return bytes;
}

function readDocumentFile(path: string): Buffer {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) throw new UserError(`${path} is missing`, damaged);
  if (found.size > largestDocument) throw new UserError(`${path} is larger than 4 MiB`, damaged);
  return readFileSync(path);
}

/** Throws a `UserError` where the digest that was computed (hexadecimal) is not the one that was promised. */
export function checkDigest({ digest }: Descriptor, computed: string, name: string): void {
  const [algorithm, promised] = digest.split(':');
  if (computed === promised) return;
  throw new UserError(`${name}: the blob ${digest} is damaged, its digest is ${algorithm}:${computed}`, damaged);
}
