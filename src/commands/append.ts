import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Architecture, architectureOf, architectures } from '../config/architecture.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import { appendLayer, checkImage, type Image, ownLayer } from '../oci/append-layer.ts';
import type { Compression } from '../oci/compression-name.ts';
import { explained, UserError } from '../diagnostic/user-error.ts';
import { type ImageReference, imageReference } from '../oci/image-reference.ts';
import { type WrittenLayer, writeLayer } from '../oci/layer-file.ts';
import { checkWritable, type Effort, withWorkingDirectory, writeLayout } from '../oci/layout-writer.ts';
import { packArchive, unpackArchive } from '../oci/oci-archive.ts';
import { type Descriptor, mediaTypes } from '../oci/oci-document.ts';
import { blobFile, type Found, readImages, readIndex, select, tagAnnotation, verifyBlob } from '../oci/oci-layout.ts';
import { readStaticFiles } from './static-files.ts';
import { checkRoom, lookUp, pathsOf } from '../oci/upper-layers.ts';
import type { Plan } from '../plan/image-entry.ts';
import type { StepKind } from '../plan/step.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import type { Module } from './module.ts';
import type { Output } from './output.ts';
import { sourceDate } from './source-date.ts';
import { summary } from './validate.ts';
import { planWithoutSteps } from './without-steps.ts';

export type AppendCommandOptions = {
  base: string;
  output: string;
  /** Undefined: as the base's own uppermost layer, because who can read that can read the new one. */
  compression: Compression | undefined;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** Steps that are left to whoever has the image. */
  without: readonly StepKind[];
  /** Whether images of an index that no Nix can be appended to stay as they are. */
  keepOthers: boolean;
  /** Whether every layer of the base is read and its digest checked. */
  verify: boolean;
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

type Work = { source: Source; options: AppendCommandOptions; module: Module; output: Output };

/** An image with what is to be appended to it. */
type Planned = { found: Found & { kind: 'image' }; architecture: Architecture; plan: Plan };

/** Appends what a recipe bakes to an image in an OCI layout, as one more layer. Gives the exit code. */
export async function append(
  source: Source,
  options: AppendCommandOptions,
  module: Module,
  output: Output,
): Promise<number> {
  try {
    const base = imageReference(options.base);
    const target = imageReference(options.output);
    const work = { source, options, module, output };
    if (target.kind === 'archive') checkArchivePlace(target.path);
    else checkWritable(target.path);
    if (base.kind === 'layout') return await appendTo(base, base.path, target, work);
    return await withWorkingDirectory(target.path, async (directory) => {
      await unpackArchive(base.path, directory);
      return await appendTo(base, directory, target, work);
    });
  } catch (cause) {
    const explanation = explained(cause, options.output);
    if (!(explanation instanceof UserError)) throw cause;
    output.err(formatDiagnostics([error(explanation.message, undefined, explanation.help)], 'text', output.errColors));
    return 1;
  }
}

function checkArchivePlace(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw new UserError(`${file} is no regular file`, 'for a layout write oci:DIRECTORY');
  const parent = dirname(resolve(file));
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${parent} is not a directory`, 'make it first, or name another place');
  }
  accessSync(parent, constants.W_OK | constants.X_OK);
}

async function appendTo(base: ImageReference, directory: string, target: ImageReference, work: Work): Promise<number> {
  const { options, output } = work;
  const seconds = sourceDate(options.environment);
  const descriptor = select(readIndex(directory), base.tag, base.text);
  const found = readImages(directory, descriptor, base.text);
  const images = imagesOf(found);
  for (const { image } of images) checkImage(image);
  const planned = planAll(images, found.kind === 'index', work);
  if (!planned) return 1;
  await checkBase(directory, images, planned, options.verify);
  const files = projectFiles(work.source, false, options.environment);
  const cache = options.cache ?? userCache(options.environment);
  return await withWorkingDirectory(target.path, async (working) => {
    const appended = new Map<Image, Appended>();
    for (const [index, one] of planned.entries()) {
      const downloaded = await download(one.plan, cache, files, output);
      const { image } = one.found;
      const path = join(working, `layer-${index}`);
      const compression = options.compression ?? compressionOf(image);
      const layer = await writeLayer(one.plan, path, { compression, downloaded, modificationTime: seconds ?? 0 });
      const { labels, annotations } = options;
      const result = appendLayer(image, layer, { moduleVersion: work.module.version, seconds, labels, annotations });
      appended.set(image, { image: result, layer, path, replaced: ownLayer(image) !== undefined });
    }
    if (hasAttestation(found)) output.err(`${base.text}: its attestations are left out: they speak of the base\n`);
    const documents: Buffer[] = [];
    const rebuilt = rebuild(found, appended, options.annotations, documents);
    if (!rebuilt) throw new Error('nothing was appended');
    const tag = target.tag ?? base.tag ?? descriptor.annotations?.[tagAnnotation];
    const content = {
      top: named(rebuilt, tag),
      tag,
      documents,
      layers: [...appended.values()].map(({ layer: { digest }, path }) => ({ digest, path })),
      base: { directory, blobs: blobsOf(found, appended) },
    };
    const effort = await write(target, working, content);
    output.out(report(planned, appended, target, content.top, effort, tag));
    return 0;
  });
}

type Appended = { image: Image; layer: WrittenLayer; path: string; replaced: boolean };

function imagesOf(found: Found): (Found & { kind: 'image' })[] {
  if (found.kind === 'image') return [found];
  return found.kind === 'index' ? found.children.flatMap(imagesOf) : [];
}

function hasAttestation(found: Found): boolean {
  return found.kind === 'attestation' || (found.kind === 'index' && found.children.some(hasAttestation));
}

/** What is to be appended to each image; prints what is wrong with the recipe, for whichever of them, and gives nothing. */
function planAll(
  images: readonly (Found & { kind: 'image' })[],
  inIndex: boolean,
  { source, options, module, output }: Work,
): Planned[] | undefined {
  const known = images.flatMap((found) => {
    const { config, name } = found.image;
    const architecture = config.os === 'linux' ? architectureOf(config.architecture) : undefined;
    if (architecture) return [{ found, architecture }];
    if (inIndex && options.keepOthers) {
      output.err(`${name}: left as it is, there is no Nix for ${config.os}/${config.architecture}\n`);
      return [];
    }
    const help = `there is Nix for ${architectures.join(' and ')}${inIndex ? '; --keep-others leaves the other images as they are' : ''}`;
    throw new UserError(`${name} is for ${config.os}/${config.architecture}`, help);
  });
  if (known.length === 0) {
    throw new UserError(`${options.base} holds no image for ${architectures.join(' or ')}`, 'name another base');
  }
  const files = readStaticFiles(module.files);
  const configs = new Map(
    [...new Set(known.map(({ architecture }) => architecture))].map((architecture) => [
      architecture,
      readConfiguration(source, architecture),
    ]),
  );
  const wrong = [...configs.values()].flatMap((config) => (Array.isArray(config) ? config : []));
  if (wrong.length > 0) {
    // The same for both architectures, mostly.
    output.err([...new Set(wrong.map((one) => formatDiagnostics([one], 'text', output.errColors)))].join(''));
    return undefined;
  }
  // The same for every image.
  const warnings = new Set<string>();
  const planned = known.flatMap(({ found, architecture }) => {
    const config = configs.get(architecture);
    if (!config || Array.isArray(config)) return [];
    const warn = (text: string) => warnings.add(text);
    const plan = planWithoutSteps(config, files, module.version, options.without, warn);
    output.out(`${found.image.name}: ${summary(config)}\n`);
    return [{ found, architecture, plan }];
  });
  for (const warning of warnings) output.err(warning);
  return planned;
}

/** Finds out before a download whether the base is whole, and whether something in it stands in the way. */
async function checkBase(
  directory: string,
  images: readonly (Found & { kind: 'image' })[],
  planned: readonly Planned[],
  verify: boolean,
): Promise<void> {
  for (const { image } of images) {
    for (const layer of image.manifest.layers) {
      blobFile(directory, layer, image.name);
      if (verify) await verifyBlob(directory, layer, image.name);
    }
  }
  for (const { found, plan } of planned) {
    const seen = await lookUp(directory, found.image, pathsOf(plan), ownLayer(found.image));
    checkRoom(plan, seen, found.image.name);
  }
}

function compressionOf({ manifest }: Image): Compression {
  return manifest.layers.at(-1)?.mediaType === mediaTypes.layer.zstd ? 'zstd' : 'gzip';
}

/** The descriptor of what the base becomes; adds every document it needs. Nothing for what belongs to the base alone. */
function rebuild(
  found: Found,
  appended: ReadonlyMap<Image, Appended>,
  annotations: Readonly<Record<string, string>>,
  documents: Buffer[],
): Descriptor | undefined {
  const add = (document: object, before: Descriptor, mediaType: string): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(document));
    documents.push(bytes);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    // An artifact's data may be held in its descriptor (image-spec, descriptor.md), and would be the old one's.
    const { data: _data, ...kept } = before as Descriptor & { data?: string };
    return { ...kept, mediaType, digest, size: bytes.length };
  };
  if (found.kind === 'attestation') return undefined;
  if (found.kind === 'index') {
    const manifests = found.children.flatMap((child) => rebuild(child, appended, annotations, documents) ?? []);
    const all = { ...found.index.annotations, ...annotations };
    const index = {
      ...found.index,
      mediaType: mediaTypes.index,
      manifests,
      ...(Object.keys(all).length > 0 && { annotations: all }),
    };
    return add(index, found.descriptor, mediaTypes.index);
  }
  const image = appended.get(found.image)?.image;
  if (!image) return found.descriptor;
  const config = add(image.config, image.manifest.config, mediaTypes.config);
  return add({ ...image.manifest, config }, found.descriptor, mediaTypes.manifest);
}

/** The descriptor for index.json: under its new tag, and without the name that containerd gave to the base. */
function named({ annotations = {}, ...descriptor }: Descriptor, tag: string | undefined): Descriptor {
  const { [tagAnnotation]: _tag, 'io.containerd.image.name': _name, ...kept } = annotations;
  const all = { ...kept, ...(tag !== undefined && { [tagAnnotation]: tag }) };
  return { ...descriptor, ...(Object.keys(all).length > 0 && { annotations: all }) };
}

/** The blobs of the base that the new image needs, each once. */
function blobsOf(found: Found, appended: ReadonlyMap<Image, Appended>): { descriptor: Descriptor; name: string }[] {
  const all = imagesOf(found).flatMap(({ descriptor, image }) => {
    const { name, manifest } = image;
    const own = appended.has(image) ? ownLayer(image) : undefined;
    const layers = manifest.layers.filter((_, index) => index !== own);
    const documents = appended.has(image) ? [] : [descriptor, manifest.config];
    return [...documents, ...layers].map((one) => ({ descriptor: one, name }));
  });
  return [...new Map(all.map((one) => [one.descriptor.digest, one])).values()];
}

async function write(
  target: ImageReference,
  working: string,
  content: Parameters<typeof writeLayout>[1],
): Promise<Effort> {
  if (target.kind === 'layout') return await writeLayout(target.path, content);
  const layout = join(working, 'layout');
  mkdirSync(layout);
  const effort = await writeLayout(layout, content);
  const unfinished = join(working, 'archive');
  await packArchive(layout, unfinished);
  renameSync(unfinished, target.path);
  return { linked: 0, copied: effort.linked + effort.copied, written: effort.written };
}

function report(
  planned: readonly Planned[],
  appended: ReadonlyMap<Image, Appended>,
  target: ImageReference,
  top: Descriptor,
  { linked, copied, written }: Effort,
  tag: string | undefined,
): string {
  const lines = planned.flatMap(({ found: { image } }) => {
    const one = appended.get(image);
    return one
      ? [
          `${image.name}: ${one.replaced ? 'replaced' : 'appended'} the layer ${one.layer.digest} (${one.layer.bytes} bytes)\n`,
        ]
      : [];
  });
  const place = `${target.path}${tag === undefined ? '' : `:${tag}`}`;
  return `${lines.join('')}${place}: ${linked} bytes linked, ${copied} copied, ${written} written\ndigest ${top.digest}\n`;
}
