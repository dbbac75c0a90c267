import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { pack } from 'tar-stream';
import packageJson from '../../package.json' with { type: 'json' };
import type { Release } from './release.ts';

const repository = join(import.meta.dirname, '../..');
const module = join(repository, 'modules/nix');

const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  // Read by containers/image (podman, buildah, skopeo) since 2019, containerd 1.5 and Docker 23.
  layer: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/** The names of OCI. */
const architectures = ['amd64', 'arm64'] as const;

type Descriptor = { mediaType: string; digest: string; size: number };
type Layer = { descriptor: Descriptor; diffId: string; createdBy: string };

export type ModuleImage = {
  /** The OCI layout, in the directory of the release. */
  layout: string;
  /** The digest of the index. */
  digest: string;
  /** The digests of the images that the index names. */
  images: string[];
};

/**
 * Makes the module image for both architectures out of what `npm run build` made: the tree of modules/nix/Containerfile,
 * in bytes that depend on the commit alone. buildah would put its own version and clock into them.
 */
export async function makeModuleImage(directory: string, release: Release): Promise<ModuleImage> {
  const layout = join(directory, 'image');
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  const annotations = annotationsOf(release);
  const created = new Date(release.time * 1000).toISOString().replace('.000Z', 'Z');
  const program = await readdir(join(module, 'program'));
  const chunks = program.filter((name) => name.endsWith('.cjs'));
  const ours = await filesBelow(
    ...['nix.sh', 'module.yml', 'README.md'],
    ...[...chunks, 'files.json', 'THIRD-PARTY-NOTICES'].map((name) => `program/${name}`),
  );
  const moduleLayer = await writeLayer(layout, ours, release.time, 'the module');

  const manifests = [];
  for (const architecture of architectures) {
    const files = await filesBelow('program/LICENSE.node', `program/node-${architecture}`);
    // Of no time, so that it is one and the same blob as long as the Node is.
    const cache = await filesBelow(`program/cache-${architecture}`);
    const layers = [
      await writeLayer(layout, files, 0, 'Node'),
      moduleLayer,
      await writeLayer(layout, cache, release.time, 'the code cache of the module'),
    ];
    const config = await writeDocument(layout, mediaTypes.config, {
      created,
      architecture,
      os: 'linux',
      config: { Labels: annotations },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
    });
    const manifest = await writeDocument(layout, mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config,
      layers: layers.map(({ descriptor }) => descriptor),
      annotations,
    });
    manifests.push({ ...manifest, platform: { architecture, os: 'linux' } });
  }
  const index = await writeDocument(layout, mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests,
    annotations,
  });
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  return { layout: 'image', digest: index.digest, images: manifests.map(({ digest }) => digest) };
}

/** What registries show of an image: GitHub's reads the index and the labels, Artifact Hub its own keys as well. */
function annotationsOf({ version, tag, revision, time }: Release): Record<string, string> {
  const url = packageJson.homepage.replace(/#.*/, '');
  const inRelease = `${url.replace('github.com', 'raw.githubusercontent.com')}/${tag}`;
  return {
    'io.artifacthub.package.keywords': packageJson.keywords.join(','),
    'io.artifacthub.package.license': packageJson.license,
    'io.artifacthub.package.readme-url': `${inRelease}/modules/nix/README.md`,
    'org.opencontainers.image.created': new Date(time * 1000).toISOString().replace('.000Z', 'Z'),
    'org.opencontainers.image.description': packageJson.description,
    'org.opencontainers.image.documentation': `${url}/blob/${tag}/modules/nix/README.md`,
    'org.opencontainers.image.licenses': packageJson.license,
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.source': url,
    'org.opencontainers.image.title': packageJson.name,
    'org.opencontainers.image.url': url,
    'org.opencontainers.image.vendor': packageJson.name,
    'org.opencontainers.image.version': version,
  };
}

/** All files of modules/nix at or below these paths, relative to it and in order. */
async function filesBelow(...paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      if ((await stat(join(module, path))).isFile()) return [path];
      const entries = await readdir(join(module, path), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map(({ parentPath, name }) => relative(module, join(parentPath, name)));
    }),
  );
  return found.flat().toSorted();
}

async function writeLayer(layout: string, files: readonly string[], time: number, what: string): Promise<Layer> {
  const tar = pack();
  const mtime = new Date(time * 1000);
  const directories = new Set<string>();
  const addParents = (path: string) => {
    const parent = dirname(path);
    if (parent === '.' || directories.has(parent)) return;
    addParents(parent);
    directories.add(parent);
    tar.entry({ name: `${parent}/`, type: 'directory', mode: 0o755, mtime });
  };
  const add = async () => {
    for (const file of files) {
      const name = `modules/nix/${file}`;
      addParents(name);
      const executable = ((await stat(join(module, file))).mode & 0o100) !== 0;
      tar.entry({ name, mode: executable ? 0o755 : 0o644, mtime }, await readFile(join(module, file)));
    }
    tar.finalize();
  };
  const [whole] = await Promise.all([buffer(tar), add()]);
  // Of one buffer and in one thread: then the compressed bytes are the same everywhere.
  const params = { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_checksumFlag]: 1 };
  const compressed = await promisify(zstdCompress)(whole, { params });
  const descriptor = await writeBlob(layout, mediaTypes.layer, compressed);
  return { descriptor, diffId: digestOf(whole), createdBy: `npm run release: ${what}` };
}

const writeDocument = (layout: string, mediaType: string, document: object) =>
  writeBlob(layout, mediaType, Buffer.from(JSON.stringify(document)));

async function writeBlob(layout: string, mediaType: string, bytes: Buffer): Promise<Descriptor> {
  const digest = digestOf(bytes);
  await writeFile(join(layout, 'blobs', digest.replace(':', '/')), bytes);
  return { mediaType, digest, size: bytes.length };
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
