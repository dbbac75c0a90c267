import { UserError } from '../diagnostic/user-error.ts';
import type { History, ImageConfig, Manifest } from './oci-document.ts';

/** An image's two documents; its name is for messages. */
export type Image = { name: string; manifest: Manifest; config: ImageConfig };

/** Throws a `UserError` where an image's documents do not agree on its layers. */
export function checkImage({ name, manifest, config }: Image): void {
  const counted = `${name} has ${manifest.layers.length} layers and ${config.rootfs.diff_ids.length} diff ids`;
  const help = 'the image is damaged: copy it again';
  if (manifest.layers.length !== config.rootfs.diff_ids.length) throw new UserError(counted, help);
  if (layersOf(config.history ?? []).length > manifest.layers.length) {
    throw new UserError(`${name} has ${manifest.layers.length} layers, and its history lists more`, help);
  }
}

/**
 * Which layer an earlier run appended, if any. Its history entry names the layer's diff id, so neither a copy to a
 * registry nor another layer on top hides it, and no other layer is ever taken for it.
 */
export function ownLayer({ config }: Image): number | undefined {
  const { diff_ids: diffIds } = config.rootfs;
  const own = layersOf(config.history ?? []).findIndex(
    ({ comment }, index) => comment === ownComment(diffIds[index] ?? ''),
  );
  return own === -1 ? undefined : own;
}

/** What the history says of a layer that `append` made. */
export function ownComment(diffId: string): string {
  return `bluebuild-nix layer ${diffId}`;
}

/** The entries of a history that made a layer, in the order of the layers. */
export function layersOf(history: readonly History[]): History[] {
  return history.filter((entry) => entry.empty_layer !== true);
}
