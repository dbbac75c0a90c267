import { UserError } from '../diagnostic/user-error.ts';

/** The parts of OCI's JSON documents that are read here; whatever else is in them is kept as it is. */
export type Descriptor = {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string; variant?: string };
  urls?: string[];
};
export type Index = {
  schemaVersion: 2;
  mediaType?: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
};
export type Manifest = {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
};
export type History = { created?: string; created_by?: string; comment?: string; empty_layer?: boolean };
export type ImageConfig = {
  created?: string;
  architecture: string;
  os: string;
  config?: { Labels?: Record<string, string> | null };
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: History[];
};

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: {
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
} as const;

const foreignLayer = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

/** Docker's names, and what OCI calls the same bytes (image-spec, media-types.md, compatibility matrix). */
const dockerTypes = new Map<string, string>([
  ['application/vnd.docker.distribution.manifest.list.v2+json', mediaTypes.index],
  ['application/vnd.docker.distribution.manifest.v2+json', mediaTypes.manifest],
  ['application/vnd.docker.container.image.v1+json', mediaTypes.config],
  ['application/vnd.docker.image.rootfs.diff.tar', mediaTypes.layer.none],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', mediaTypes.layer.gzip],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', mediaTypes.layer.zstd],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', foreignLayer],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', `${foreignLayer}+gzip`],
]);

/** The descriptor with OCI's name for what it describes. */
export function inOci(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: dockerTypes.get(descriptor.mediaType) ?? descriptor.mediaType };
}

/** Whether a layer's blob may be missing from a layout: it is fetched from its `urls`. */
export function isForeign({ mediaType, urls }: Descriptor): boolean {
  return mediaType.startsWith(foreignLayer) && urls !== undefined && urls.length > 0;
}

/** Whether a layer has a type that images use; encrypted layers (ocicrypt) do, although they cannot be read. */
function isLayer({ mediaType }: Descriptor): boolean {
  return Object.values<string>(mediaTypes.layer)
    .concat(foreignLayer, `${foreignLayer}+gzip`, `${foreignLayer}+zstd`)
    .some((known) => mediaType === known || mediaType === `${known}+encrypted`);
}

/** Reads an index; `name` is for messages, as in the functions below. All throw a `UserError` for anything else. */
export function parseIndex(bytes: Buffer, name: string): Index {
  const index = parseObject(bytes, name);
  if (index['schemaVersion'] === 1) throw schemaOne(name);
  const { manifests, mediaType } = index;
  if (index['schemaVersion'] !== 2 || !Array.isArray(manifests) || !isOptionalText(mediaType)) {
    throw malformed(name, 'not an OCI index');
  }
  manifests.forEach((one) => checkDescriptor(one, name));
  return index as Index;
}

/** Reads a manifest, Docker's as well, and gives it as OCI has it. */
export function parseManifest(bytes: Buffer, name: string): Manifest {
  const manifest = parseObject(bytes, name);
  if (manifest['schemaVersion'] === 1) throw schemaOne(name);
  const { layers, config } = manifest;
  if (manifest['schemaVersion'] !== 2 || !Array.isArray(layers)) throw malformed(name, 'not an OCI manifest');
  checkDescriptor(config, name);
  layers.forEach((one) => checkDescriptor(one, name));
  const parsed = manifest as Manifest;
  const converted = {
    ...parsed,
    mediaType: mediaTypes.manifest,
    config: inOci(parsed.config),
    layers: parsed.layers.map(inOci),
  };
  const strange = converted.layers.find((layer) => !isLayer(layer));
  if (converted.config.mediaType !== mediaTypes.config || strange) {
    const what = strange
      ? `a layer of the type ${strange.mediaType}`
      : `a config of the type ${parsed.config.mediaType}`;
    throw new UserError(`${name} has ${what}: it is not a container image`, 'name a base that can be booted or run');
  }
  return converted;
}

/** Reads an image's config. */
export function parseConfig(bytes: Buffer, name: string): ImageConfig {
  const config = parseObject(bytes, name);
  const { architecture, os, rootfs, history = [], config: runtime = {} } = config;
  const diffIds = isObject(rootfs) ? rootfs['diff_ids'] : undefined;
  const labels = isObject(runtime) ? (runtime['Labels'] ?? {}) : undefined;
  const sound =
    typeof architecture === 'string' &&
    typeof os === 'string' &&
    isOptionalText(config['created']) &&
    Array.isArray(diffIds) &&
    diffIds.every((id) => typeof id === 'string') &&
    (history === null || (Array.isArray(history) && history.every(isObject))) &&
    (runtime === null || isObject(labels));
  if (!sound) throw malformed(name, 'not an OCI image config');
  return config as ImageConfig;
}

function schemaOne(name: string): UserError {
  return new UserError(
    `${name} is an image of Docker's schema 1, which has no config to append a layer to`,
    'pull it again from its registry: skopeo copy --format oci …',
  );
}

function malformed(name: string, what: string): UserError {
  return new UserError(`${name} is ${what}`, 'the layout is damaged, or was written by something else: copy it again');
}

function parseObject(bytes: Buffer, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw malformed(name, `not JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  if (!isObject(value)) throw malformed(name, 'not a JSON object');
  return value;
}

function checkDescriptor(value: unknown, name: string): void {
  const sound =
    isObject(value) &&
    typeof value['mediaType'] === 'string' &&
    typeof value['digest'] === 'string' &&
    Number.isSafeInteger(value['size']) &&
    Number(value['size']) >= 0 &&
    (value['annotations'] === undefined || value['annotations'] === null || isObject(value['annotations'])) &&
    (value['urls'] === undefined || value['urls'] === null || Array.isArray(value['urls']));
  if (!sound) throw malformed(name, 'damaged: a descriptor in it has no media type, digest or size');
  if (!/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(String(value['digest']))) {
    const help = 'only sha256 and sha512 are supported';
    throw new UserError(`${name} names a blob by ${JSON.stringify(value['digest'])}, which is not a digest`, help);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}
