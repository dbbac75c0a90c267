import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, architectureOf, architectures } from '../config/architecture.ts';
import type { Config } from '../config/config.ts';
import { printable } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { appendLayer } from '../oci/append-layer.ts';
import type { Compression } from '../oci/compression-name.ts';
import { checkImage, type Image, ownLayer } from '../oci/image.ts';
import { blobsOf, hasAttestation, imagesOf, type ImageNode, named, replaceImages } from '../oci/image-graph.ts';
import { type ImageLayers, lookAtLayers } from '../oci/image-layers.ts';
import { type ImageReference, imageReference } from '../oci/image-reference.ts';
import { type WrittenLayer, writeLayer } from '../oci/layer-file.ts';
import {
  checkWritable,
  type LayoutContent,
  withWorkingDirectory,
  writeLayout,
  type WriteStats,
} from '../oci/layout-writer.ts';
import { packArchive, unpackArchive } from '../oci/oci-archive.ts';
import { mediaTypes } from '../oci/oci-document.ts';
import { blobFile, readImages, readIndex, select, tagAnnotation } from '../oci/oci-layout.ts';
import { readEarlier, sortStale, staleFiles, undoingSteps } from '../plan/earlier.ts';
import { contentsFor, demandsOf, entriesOf, forImage, makePlan, type Plan } from '../plan/plan.ts';
import { manifestPath } from '../plan/record.ts';
import { transact } from '../temporary/transaction.ts';
import { checkParent } from '../temporary/writable-parent.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { checkDemands } from './demands.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import { layerPlan } from './layer-plan.ts';
import { type Module, readStaticFiles } from './module.ts';
import type { Output } from './output.ts';
import { sourceDate } from './source-date.ts';
import { leftAsItIs, summary } from './summary.ts';

export type AppendCommandOptions = {
  base: string;
  output: string;
  /** Undefined: that of the base's last layer; whoever can read that one can read the new one. */
  compression: Compression | undefined;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** Names of parts to leave out. */
  without: readonly string[];
  /** Whether images of an index for other architectures stay as they are. */
  keepOthers: boolean;
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

type Work = { source: Source; options: AppendCommandOptions; module: Module; output: Output };

/** Appends what a recipe bakes to an image in an OCI layout, as one more layer. */
export async function append(
  source: Source,
  options: AppendCommandOptions,
  module: Module,
  output: Output,
): Promise<void> {
  const base = imageReference(options.base);
  const target = imageReference(options.output);
  const work = { source, options, module, output };
  await transact(options.output, async () => {
    if (target.kind === 'archive') checkArchivePlace(target.path);
    else checkWritable(target.path);
    if (base.kind === 'layout') return appendTo(base, base.path, target, work);
    return withWorkingDirectory(target.path, async (directory) => {
      await unpackArchive(base.path, directory);
      await appendTo(base, directory, target, work);
    });
  });
}

function checkArchivePlace(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found && !found.isFile())
    throw new UserError(`${file} is not a regular file`, 'for a layout write oci:DIRECTORY');
  checkParent(file);
}

async function appendTo(base: ImageReference, directory: string, target: ImageReference, work: Work): Promise<void> {
  const { options, output, module } = work;
  const { labels, annotations, environment } = options;
  const seconds = sourceDate(environment);
  const descriptor = select(readIndex(directory), base.tag, base.text);
  const top = readImages(directory, descriptor, base.text);
  const images = imagesOf(top);
  for (const { image } of images) checkImage(image);
  const planned = await planAll(images, top.kind === 'index', work);
  // The base is complete, or nothing is downloaded.
  for (const { image } of images) for (const layer of image.manifest.layers) blobFile(directory, layer, image.name);
  const checked: { image: Image; plan: Plan; removed: string[] }[] = [];
  for (const { image, plan } of planned) checked.push({ image, ...(await checkBase(directory, image, plan, output)) });
  const files = projectFiles(work.source, false, environment);
  const cache = options.cache ?? userCache(environment);
  await withWorkingDirectory(target.path, async (working) => {
    const appended = new Map<Image, Image>();
    const layers: { image: Image; layer: WrittenLayer; path: string }[] = [];
    for (const [index, { image, plan, removed }] of checked.entries()) {
      const entries = entriesOf(plan);
      const downloaded = await download(entries, cache, files, output);
      const path = join(working, `layer-${index}`);
      const compression = options.compression ?? compressionOf(image);
      const layer = await writeLayer({ entries, removed }, path, {
        compression,
        downloaded,
        modificationTime: seconds ?? 0,
      });
      layers.push({ image, layer, path });
      appended.set(image, appendLayer(image, layer, { moduleVersion: module.version, seconds, labels, annotations }));
    }
    if (hasAttestation(top)) output.err(`${base.text}: its attestations are left out, since they describe the base\n`);
    const rebuilt = replaceImages(top, appended, annotations);
    const tag = target.tag ?? base.tag ?? descriptor.annotations?.[tagAnnotation];
    const content = {
      top: named(rebuilt.top, tag),
      tag,
      documents: rebuilt.documents,
      layers: layers.map(({ layer: { digest }, path }) => ({ digest, path })),
      base: { directory, blobs: blobsOf(top, appended) },
    };
    const stats = await write(target, working, content);
    for (const { image, layer } of layers) {
      const what = ownLayer(image) === undefined ? 'appended' : 'replaced';
      output.out(`${image.name}: ${what} the layer ${layer.digest} (${layer.bytes} bytes)\n`);
    }
    const place = `${target.path}${tag === undefined ? '' : `:${tag}`}`;
    output.out(`${place}: ${stats.linked} bytes linked, ${stats.copied} copied, ${stats.written} written\n`);
    output.out(`digest ${content.top.digest}\n`);
  });
}

/** What is appended to each image. Throws a `UserError` with all that is wrong with the recipe for any of them. */
async function planAll(
  images: readonly ImageNode[],
  inIndex: boolean,
  { source, options, module, output }: Work,
): Promise<{ image: Image; plan: Plan }[]> {
  const known = images.flatMap(({ image }): { image: Image; architecture: Architecture }[] => {
    const { config, name } = image;
    const architecture = config.os === 'linux' ? architectureOf(config.architecture) : undefined;
    if (architecture) return [{ image, architecture }];
    if (inIndex && options.keepOthers) {
      const platform = printable(`${config.os}/${config.architecture}`);
      output.err(`${name}: kept unchanged: there is no Nix for ${platform}\n`);
      return [];
    }
    const help = `there is Nix for ${architectures.join(' and ')}${inIndex ? '; --keep-others keeps the other images unchanged' : ''}`;
    throw new UserError(`${name} is for ${config.os}/${config.architecture}`, help);
  });
  if (known.length === 0) {
    throw new UserError(`${options.base} holds no image for ${architectures.join(' or ')}`, 'name another base');
  }
  const files = readStaticFiles(module.files);
  const configs = await readAll(source, [...new Set(known.map(({ architecture }) => architecture))]);
  // The same for every image.
  const allWarnings = new Set<string>();
  const planned = known.map(({ image, architecture }) => {
    const config = configs.get(architecture) as Config;
    const { plan, warnings } = layerPlan(makePlan(config, files, module.version), options.without);
    for (const warning of warnings) allWarnings.add(warning);
    output.out(`${image.name}: ${summary(config)}\n`);
    return { image, plan };
  });
  for (const warning of allWarnings) output.err(warning);
  return planned;
}

/** The configuration for each architecture. What is wrong with several is reported once. */
async function readAll(source: Source, wanted: readonly Architecture[]): Promise<Map<Architecture, Config>> {
  const configs = new Map<Architecture, Config>();
  const wrong = new Map<string, UserError['diagnostics'][number]>();
  for (const architecture of wanted) {
    try {
      configs.set(architecture, await readConfiguration(source, architecture));
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause;
      for (const diagnostic of cause.diagnostics) wrong.set(JSON.stringify(diagnostic), diagnostic);
    }
  }
  if (wrong.size > 0) throw new UserError([...wrong.values()]);
  return configs;
}

/** Checks, before any download, that an image can take a plan. Gives the plan for it, and the files of an earlier bake to remove. */
async function checkBase(
  directory: string,
  image: Image,
  whole: Plan,
  output: Output,
): Promise<{ plan: Plan; removed: string[] }> {
  const look = (paths: Iterable<string>, contents?: string[]): Promise<ImageLayers> =>
    lookAtLayers(directory, image, { paths, ...(contents && { contents }) }, ownLayer(image));
  const demands = demandsOf(whole);
  const layers = await look(
    demands.flatMap(({ paths }) => paths),
    [manifestPath, ...contentsFor(whole), ...demands.flatMap(({ contents = [] }) => contents)],
  );
  for (const digest of layers.unread) {
    output.err(
      `warning: ${image.name}: the layer ${digest} was not checked: it is encrypted, or its blob is not in the layout\n`,
    );
  }
  const plan = forImage(whole, layers);
  checkDemands(plan, layers, image.name);
  const earlier = readEarlier(layers);
  const [undo] = undoingSteps(earlier, plan);
  if (undo && 'refused' in undo.inLayer) {
    throw new UserError(`${image.name}: ${undo.inLayer.refused.message}`, undo.inLayer.refused.help);
  }
  if (!earlier) return { plan, removed: [] };
  const stale = staleFiles(earlier, plan);
  const { unchanged, changed } = sortStale(stale, (await look(stale.keys())).describe);
  output.err(leftAsItIs(changed, image.name));
  return { plan, removed: unchanged };
}

function compressionOf({ manifest }: Image): Compression {
  return manifest.layers.at(-1)?.mediaType === mediaTypes.layer.zstd ? 'zstd' : 'gzip';
}

async function write(target: ImageReference, working: string, content: LayoutContent): Promise<WriteStats> {
  if (target.kind === 'layout') return await writeLayout(target.path, content);
  const layout = join(working, 'layout');
  mkdirSync(layout);
  const stats = await writeLayout(layout, content);
  const unfinished = join(working, 'archive');
  await packArchive(layout, unfinished);
  renameSync(unfinished, target.path);
  return { linked: 0, copied: stats.linked + stats.copied, written: stats.written };
}
