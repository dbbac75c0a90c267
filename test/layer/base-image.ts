import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** A JSON document of a layout, with any content. */
export type Json = Record<string, unknown>;
export type Descriptor = { mediaType: string; digest: string; size: number } & Json;

/** An entry of a tar: a symbolic link if it has `link`, a directory if its name ends in `/`, otherwise a file. */
export type File = { name: string; content?: string | Buffer; mode?: number; link?: string };

export async function tarOf(files: readonly File[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content, mode = 0o644, link } of files) {
    const mtime = new Date(0);
    if (link !== undefined) tar.entry({ name, type: 'symlink', linkname: link, mtime });
    else if (name.endsWith('/')) tar.entry({ name, type: 'directory', mode: 0o755, mtime });
    else tar.entry({ name, mtime, mode }, content ?? '');
  }
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Makes an OCI layout by hand, so that tests can put anything into it. */
export function makeLayout(directory: string) {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}');
  const blobFile = (digest: string) => join(directory, 'blobs', ...digest.split(':'));
  const blob = (bytes: Buffer, mediaType: string, more: Json = {}): Descriptor => {
    const digest = digestOf(bytes);
    writeFileSync(blobFile(digest), bytes);
    return { mediaType, digest, size: bytes.length, ...more };
  };
  const document = (value: Json, mediaType: string, more: Json = {}) =>
    blob(Buffer.from(JSON.stringify(value)), mediaType, more);
  const layout = {
    directory,
    blobFile,
    blob,
    document,
    writeIndex: (manifests: readonly Json[], more: Json = {}) =>
      writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests, ...more })),
    index: () => JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as { manifests: Descriptor[] } & Json,
    read: (digest: string) => JSON.parse(readFileSync(blobFile(digest), 'utf8')) as Json,
    tagged: (tag: string): Descriptor => {
      const found = layout
        .index()
        .manifests.find(
          ({ annotations }) => (annotations as Json | undefined)?.['org.opencontainers.image.ref.name'] === tag,
        );
      if (!found) throw new Error(`no tag ${tag}`);
      return found;
    },
  };
  return layout;
}

export type Layout = ReturnType<typeof makeLayout>;

export const tag = (name: string) => ({ annotations: { 'org.opencontainers.image.ref.name': name } });

export type ImageOptions = {
  architecture?: string;
  os?: string;
  files?: readonly (readonly File[])[];
  labels?: Record<string, string>;
  /** `config`, `manifest` and `layer` override fields of the config, the manifest and each layer's descriptor. */
  config?: Json;
  manifest?: Json;
  layer?: Json;
  types?: { manifest: string; config: string; layer: string };
  history?: readonly Json[] | undefined;
};

export const oci = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  index: 'application/vnd.oci.image.index.v1+json',
};
export const docker = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
};

export const baseFiles: File[] = [
  { name: 'etc/' },
  { name: 'etc/os-release', content: 'NAME=Base\n' },
  { name: 'opt', link: 'var/opt' },
  { name: 'usr/' },
  { name: 'usr/lib/' },
  { name: 'usr/lib/systemd/' },
  { name: 'usr/lib/systemd/system/' },
  { name: 'usr/lib/systemd/system/other.service', content: '[Unit]\n' },
];

/** Adds an image to a layout; gives the descriptor of its manifest. */
export async function addImage(layout: Layout, options: ImageOptions = {}, more: Json = {}): Promise<Descriptor> {
  const { architecture = 'amd64', os = 'linux', files = [baseFiles], types = oci } = options;
  const tars = await Promise.all(files.map(tarOf));
  const layers = tars.map((tar) => layout.blob(gzipSync(tar), types.layer, options.layer));
  const history = 'history' in options ? options.history : tars.map((_, index) => ({ created_by: `layer ${index}` }));
  const config = {
    created: '2026-01-02T03:04:05Z',
    architecture,
    os,
    config: { Labels: options.labels ?? { 'containers.bootc': '1', 'ostree.bootable': 'true' }, Cmd: ['/sbin/init'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    ...(history && { history }),
    ...options.config,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: layout.document(config, types.config),
    layers,
    annotations: { 'org.opencontainers.image.title': 'base' },
    ...options.manifest,
  };
  return layout.document(manifest, types.manifest, more);
}
