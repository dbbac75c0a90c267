import { hash } from 'node:crypto';
import type { Image } from './image.ts';
import { ownLayer } from './image.ts';
import { type Descriptor, mediaTypes } from './oci-document.ts';
import { type LayoutNode, tagAnnotation } from './oci-layout.ts';

export type ImageNode = LayoutNode & { kind: 'image' };

/** The images that a node leads to. */
export function imagesOf(node: LayoutNode): ImageNode[] {
  if (node.kind === 'image') return [node];
  return node.kind === 'index' ? node.children.flatMap(imagesOf) : [];
}

/** Whether something in it attests what the base is, which does not hold for what is made of it. */
export function hasAttestation(node: LayoutNode): boolean {
  return node.kind === 'attestation' || (node.kind === 'index' && node.children.some(hasAttestation));
}

/**
 * The graph with other images in it: the descriptor of its top, and every document that is new. Images that are not among
 * `replaced` stay as they are; what belongs to the base alone is left out. Pure.
 */
export function replaceImages(
  top: LayoutNode,
  replaced: ReadonlyMap<Image, Image>,
  annotations: Readonly<Record<string, string>>,
): { top: Descriptor; documents: Buffer[] } {
  const documents: Buffer[] = [];
  const add = (document: object, before: Descriptor, mediaType: string): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(document));
    documents.push(bytes);
    const digest = `sha256:${hash('sha256', bytes)}`;
    // A descriptor may contain the data itself (image-spec, descriptor.md), which would be that of the old document.
    const { data: _data, ...kept } = before as Descriptor & { data?: string };
    return { ...kept, mediaType, digest, size: bytes.length };
  };
  const rebuild = (node: LayoutNode): Descriptor[] => {
    if (node.kind === 'attestation') return [];
    if (node.kind === 'index') {
      const all = { ...node.index.annotations, ...annotations };
      const index = {
        ...node.index,
        mediaType: mediaTypes.index,
        manifests: node.children.flatMap(rebuild),
        ...(Object.keys(all).length > 0 && { annotations: all }),
      };
      return [add(index, node.descriptor, mediaTypes.index)];
    }
    const image = replaced.get(node.image);
    if (!image) return [node.descriptor];
    const config = add(image.config, image.manifest.config, mediaTypes.config);
    return [add({ ...image.manifest, config }, node.descriptor, mediaTypes.manifest)];
  };
  const [rebuilt] = rebuild(top);
  if (!rebuilt) throw new Error('nothing but an attestation');
  return { top: rebuilt, documents };
}

/** The descriptor for index.json: under its new tag, and without the name that containerd gave to the base. */
export function named({ annotations = {}, ...descriptor }: Descriptor, tag: string | undefined): Descriptor {
  const { [tagAnnotation]: _tag, 'io.containerd.image.name': _name, ...kept } = annotations;
  const all = { ...kept, ...(tag !== undefined && { [tagAnnotation]: tag }) };
  return { ...descriptor, ...(Object.keys(all).length > 0 && { annotations: all }) };
}

/** The blobs of the base that the new graph needs, each once. */
export function blobsOf(
  top: LayoutNode,
  replaced: ReadonlyMap<Image, Image>,
): { descriptor: Descriptor; name: string }[] {
  const all = imagesOf(top).flatMap(({ descriptor, image }) => {
    const { name, manifest } = image;
    const own = replaced.has(image) ? ownLayer(image) : undefined;
    const layers = manifest.layers.filter((_, index) => index !== own);
    const documents = replaced.has(image) ? [] : [descriptor, manifest.config];
    return [...documents, ...layers].map((one) => ({ descriptor: one, name }));
  });
  return [...new Map(all.map((one) => [one.descriptor.digest, one])).values()];
}
