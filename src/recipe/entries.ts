import { basename, dirname, join, normalize } from 'node:path';
import { type Diagnostic, error, type Place } from '../diagnostic/diagnostic.ts';
import { type Document, parse, type Path } from './document.ts';
import { largestText, tooLarge } from './text.ts';

/** A `type: nix` entry of a recipe, as it was written. */
export type Entry = {
  value: Record<string, unknown>;
  /** The place of a value of the entry (or of its key). */
  placeOf: (path: Path, part?: 'key' | 'value') => Place | undefined;
  /** The stage it is in; undefined for the image itself. */
  stage: string | undefined;
};

/** What a recipe, with all the files it names, holds for this module. */
export type Entries = {
  entries: Entry[];
  diagnostics: Diagnostic[];
  /** The types of all modules of the recipe, in order. */
  types: string[];
};

/** Gives a file's bytes, at least `atMost` of them where there are so many; throws what `readFileSync` throws. */
export type ReadFile = (path: string, atMost: number) => Uint8Array;

type Reading = Entries & { readFile: ReadFile; directory: string; filesRead: number };

/** How many files one recipe may read: `from-file` twice in each of thirty files is a thousand million modules. */
const mostFiles = 1000;

/**
 * Finds the `type: nix` entries of a recipe (v1 or v2), in its modules and stages and in every file that `from-file`
 * names, as BlueBuild's CLI reads them (recipe/src/module.rs, stage.rs). Never throws: what is wrong is a diagnostic.
 */
export function findEntries(recipe: string, readFile: ReadFile): Entries {
  const directory = recipeDirectory(recipe);
  const reading: Reading = { entries: [], diagnostics: [], types: [], readFile, directory, filesRead: 0 };
  const document = open(reading, recipe, undefined);
  if (document) {
    const root = mapping(reading, document, [], 'a recipe is a mapping with a list `modules`');
    if (root) {
      if (has(root, 'stages')) readStages(reading, document, ['stages'], [normalize(recipe)]);
      if (has(root, 'modules')) readModules(reading, document, ['modules'], undefined, [normalize(recipe)]);
      reportRepeated(reading);
    }
  }
  const { entries, diagnostics, types } = reading;
  return { entries, diagnostics, types };
}

/** `from-file` is relative to `recipes/` (`config/` in old repositories), however deep the recipe is in it. */
function recipeDirectory(recipe: string): string {
  const own = dirname(recipe);
  for (let directory = own; ; directory = dirname(directory)) {
    if (['recipes', 'config'].includes(basename(directory))) return directory;
    if (dirname(directory) === directory) return own;
  }
}

function readModules(
  reading: Reading,
  document: Document,
  path: Path,
  stage: string | undefined,
  chain: readonly string[],
): void {
  for (const item of itemsOf(reading, document, path)) readModule(reading, document, item, stage, chain);
}

function readModule(
  reading: Reading,
  document: Document,
  path: Path,
  stage: string | undefined,
  chain: readonly string[],
): void {
  const module = mapping(reading, document, path, 'a module is a mapping with a `type` or a `from-file`');
  if (!module) return;
  if ('from-file' in module) {
    const file = fromFile(reading, document, path, module, chain);
    if (!file) return;
    const { document: inner, chain: innerChain } = file;
    const root = mapping(reading, inner, [], 'this file must contain one module, or a list `modules`');
    if (root && 'modules' in root) readModules(reading, inner, ['modules'], stage, innerChain);
    else if (root && !('stages' in root)) readModule(reading, inner, [], stage, innerChain);
    return;
  }
  const { type } = module;
  if (typeof type !== 'string') {
    reading.diagnostics.push(
      'type' in module
        ? error('`type` must name a module', document.placeOf([...path, 'type']))
        : error('a module needs a `type`', document.placeOf(path)),
    );
    return;
  }
  reading.types.push(type);
  if (type !== 'nix' && !type.startsWith('nix@')) return;
  reading.entries.push({
    value: module,
    placeOf: (inner, part) => document.placeOf([...path, ...inner], part),
    stage,
  });
}

function readStages(reading: Reading, document: Document, path: Path, chain: readonly string[]): void {
  for (const item of itemsOf(reading, document, path)) readStage(reading, document, item, chain);
}

function readStage(reading: Reading, document: Document, path: Path, chain: readonly string[]): void {
  const stage = mapping(reading, document, path, 'a stage is a mapping with a `name` or a `from-file`');
  if (!stage) return;
  if ('from-file' in stage) {
    const file = fromFile(reading, document, path, stage, chain);
    if (!file) return;
    const root = mapping(reading, file.document, [], 'this file must contain one stage, or a list `stages`');
    if (root && 'stages' in root) readStages(reading, file.document, ['stages'], file.chain);
    else if (root) readStage(reading, file.document, [], file.chain);
    return;
  }
  const name = typeof stage['name'] === 'string' ? stage['name'] : '(unnamed)';
  if ('modules' in stage) readModules(reading, document, [...path, 'modules'], name, chain);
}

function fromFile(
  reading: Reading,
  document: Document,
  path: Path,
  module: Record<string, unknown>,
  chain: readonly string[],
): { document: Document; chain: string[] } | undefined {
  const name = module['from-file'];
  const place = document.placeOf([...path, 'from-file']);
  if (typeof name !== 'string' || name === '') {
    reading.diagnostics.push(error('`from-file` must name a file', place));
    return undefined;
  }
  if (Object.keys(module).length > 1) {
    reading.diagnostics.push(error('`from-file` must be the only key', place));
    return undefined;
  }
  const file = join(reading.directory, name);
  if (chain.includes(file)) {
    const circle = [...chain.slice(chain.indexOf(file)), file].join(' → ');
    reading.diagnostics.push(error(`\`from-file\` is circular: ${circle}`, place));
    return undefined;
  }
  const inner = open(reading, file, place);
  return inner && { document: inner, chain: [...chain, file] };
}

function open(reading: Reading, file: string, named: Place | undefined): Document | undefined {
  reading.filesRead += 1;
  if (reading.filesRead > mostFiles) {
    if (reading.filesRead === mostFiles + 1) {
      reading.diagnostics.push(
        error(`more than ${mostFiles} files are read by \`from-file\``, named, 'include each file once'),
      );
    }
    return undefined;
  }
  let bytes: Uint8Array;
  try {
    bytes = reading.readFile(file, largestText + 1);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const reason = reasons[code] ?? code;
    const help = named && `\`from-file\` is relative to ${reading.directory}`;
    reading.diagnostics.push(error(`${file}: ${reason}`, named, help));
    return undefined;
  }
  if (bytes.length > largestText) {
    reading.diagnostics.push(tooLarge(file));
    return undefined;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    reading.diagnostics.push(error(`${file} is not UTF-8 text`, named, 'save it as UTF-8'));
    return undefined;
  }
  const document = parse(file, text);
  if (!Array.isArray(document)) return document;
  reading.diagnostics.push(...document);
  return undefined;
}

const reasons: Record<string, string> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'permission denied',
  ELOOP: 'too many levels of symbolic links',
};

/** The paths of the items of a list. */
function itemsOf(reading: Reading, document: Document, path: Path): Path[] {
  const list = at(document.value, path);
  if (Array.isArray(list)) return [...list.keys()].map((index) => [...path, index]);
  reading.diagnostics.push(error(`\`${path.at(-1)}\` must be a list`, document.placeOf(path)));
  return [];
}

function mapping(
  reading: Reading,
  document: Document,
  path: Path,
  expected: string,
): Record<string, unknown> | undefined {
  const value = at(document.value, path);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  reading.diagnostics.push(error(expected, document.placeOf(path)));
  return undefined;
}

function reportRepeated(reading: Reading): void {
  const first = new Map<string | undefined, Entry>();
  for (const entry of reading.entries) {
    const earlier = first.get(entry.stage);
    if (!earlier) {
      first.set(entry.stage, entry);
      continue;
    }
    const place = earlier.placeOf(['type']);
    reading.diagnostics.push({
      ...error('a second `type: nix` entry for the same image', entry.placeOf(['type']), 'keep one of them'),
      ...(place && { related: [{ message: 'the first one is here', place }] }),
    });
  }
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value);
}

function has(value: Record<string, unknown>, key: string): boolean {
  return key in value && value[key] !== null;
}
