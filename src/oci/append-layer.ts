import type { WrittenLayer } from './layer-file.ts';
import { type Image, layersOf, ownComment, ownLayer } from './image.ts';
import { type History, mediaTypes } from './oci-document.ts';

export type AppendOptions = {
  moduleVersion: string;
  /** SOURCE_DATE_EPOCH; without it the image keeps the date of its base. */
  seconds: number | undefined;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
};

/** The image with the layer on top, or in the place of the layer that an earlier run appended. Pure. */
export function appendLayer(image: Image, layer: WrittenLayer, options: AppendOptions): Image {
  const { name, manifest, config } = image;
  const created = options.seconds === undefined ? config.created : dateOf(options.seconds);
  const descriptor = { mediaType: mediaTypes.layer[layer.compression], digest: layer.digest, size: layer.bytes };
  const entry: History = {
    ...(created !== undefined && { created }),
    created_by: `bluebuild-nix ${options.moduleVersion} append`,
    comment: ownComment(layer.diffId),
  };
  const own = ownLayer(image);
  const at = own ?? manifest.layers.length;
  const history = completeHistory(config.history ?? [], manifest.layers.length);
  const inHistory = own === undefined ? history.length : history.indexOf(layersOf(history)[own] as History);
  const labels = { ...config.config?.Labels, ...options.labels };
  const annotations = { ...manifest.annotations, ...options.annotations };
  return {
    name,
    manifest: {
      ...manifest,
      layers: put(manifest.layers, at, descriptor),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    config: {
      ...config,
      ...(created !== undefined && { created }),
      ...(Object.keys(labels).length > 0 && { config: { ...config.config, Labels: labels } }),
      rootfs: { ...config.rootfs, diff_ids: put(config.rootfs.diff_ids, at, layer.diffId) },
      history: put(history, inHistory, entry),
    },
  };
}

function put<Item>(items: readonly Item[], at: number, item: Item): Item[] {
  return [...items.slice(0, at), item, ...items.slice(at + 1)];
}

// A history may be left out; one that is there must tell of every layer, or what is said of the last is read as of another.
function completeHistory(history: readonly History[], layers: number): History[] {
  const missing = layers - layersOf(history).length;
  return [
    ...history,
    ...Array.from({ length: missing }, () => ({ comment: 'a layer that the history of the base does not list' })),
  ];
}

/** RFC 3339, as OCI wants dates. */
function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
