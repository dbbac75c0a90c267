import { UserError } from '../diagnostic/user-error.ts';
import type { WrittenLayer } from './layer-file.ts';
import { type History, type ImageConfig, type Manifest, mediaTypes } from './oci-document.ts';

/** An image's two documents; its name is for messages. */
export type Image = { name: string; manifest: Manifest; config: ImageConfig };

export type AppendOptions = {
  moduleVersion: string;
  /** SOURCE_DATE_EPOCH; without it the image keeps the date of its base. */
  seconds: number | undefined;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
};

/** Throws a `UserError` where an image's documents do not agree on its layers. */
export function checkImage({ name, manifest, config }: Image): void {
  const counted = `${name} has ${manifest.layers.length} layers and ${config.rootfs.diff_ids.length} diff ids`;
  const help = 'the image is damaged: copy it anew';
  if (manifest.layers.length !== config.rootfs.diff_ids.length) throw new UserError(counted, help);
  if (layersOf(config.history ?? []).length > manifest.layers.length) {
    throw new UserError(`${name} has ${manifest.layers.length} layers, and its history tells of more`, help);
  }
}

/**
 * Which layer an earlier run appended, if any. Its history entry names the layer's diff id, so neither a copy to a
 * registry nor another layer on top hides it, and no other layer is ever taken for it.
 */
export function ownLayer({ config }: Image): number | undefined {
  const { diff_ids: diffIds } = config.rootfs;
  const own = layersOf(config.history ?? []).findIndex(({ comment }, index) => comment === mark(diffIds[index] ?? ''));
  return own === -1 ? undefined : own;
}

/** The image with the layer on top, or in the place of the layer that an earlier run appended. Pure. */
export function appendLayer(image: Image, layer: WrittenLayer, options: AppendOptions): Image {
  const { name, manifest, config } = image;
  const created = options.seconds === undefined ? config.created : dateOf(options.seconds);
  const descriptor = { mediaType: mediaTypes.layer[layer.compression], digest: layer.digest, size: layer.bytes };
  const entry: History = {
    ...(created !== undefined && { created }),
    created_by: `bluebuild-nix ${options.moduleVersion} append`,
    comment: mark(layer.diffId),
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

function mark(diffId: string): string {
  return `bluebuild-nix layer ${diffId}`;
}

function put<Item>(items: readonly Item[], at: number, item: Item): Item[] {
  return [...items.slice(0, at), item, ...items.slice(at + 1)];
}

/** The entries of a history that made a layer, in the order of the layers. */
function layersOf(history: readonly History[]): History[] {
  return history.filter((entry) => entry.empty_layer !== true);
}

// A history may be left out; one that is there must tell of every layer, or what is said of the last is read as of another.
function completeHistory(history: readonly History[], layers: number): History[] {
  const missing = layers - layersOf(history).length;
  return [
    ...history,
    ...Array.from({ length: missing }, () => ({ comment: 'a layer the base image does not tell of' })),
  ];
}

/** RFC 3339, as OCI wants dates. */
function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
