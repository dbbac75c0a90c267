import {
  type Alias,
  type Document as YamlDocument,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Pair,
  visit,
  type YAMLMap,
  type YAMLError,
} from 'yaml';
import { type Diagnostic, error, type Place } from '../diagnostic/diagnostic.ts';
import { controlCharacter, largestText, tooLarge } from './text.ts';

/** The way to a value from the top: keys of mappings and indexes of lists. */
export type Path = readonly (string | number)[];

/** A parsed YAML (or JSON) text that remembers where each value is. */
export type Document = {
  file: string;
  value: unknown;
  /** The place of the value at `path`, or of its key; of the nearest thing around it where there is no such value. */
  placeOf: (path: Path, part?: 'key' | 'value') => Place;
};

/**
 * How often aliases may repeat what an anchor names, including the aliases in it. Nothing is copied, so this only
 * stops what doubles and doubles again.
 */
const mostAliases = 10_000;

/**
 * Parses YAML 1.2 as BlueBuild reads it (duplicate keys are errors, `<<` is a key as any other), whatever version the
 * text says it is. Gives the diagnostics instead where the text is not valid; never throws.
 */
export function parse(file: string, text: string): Document | Diagnostic[] {
  if (text.length > largestText) return [tooLarge(file)];
  const lineCounter = new LineCounter();
  // Duplicate keys are looked for below: yaml compares each key with each other, which takes minutes for 1 MiB of them.
  const options = { lineCounter, prettyErrors: false, logLevel: 'error', schema: 'core', uniqueKeys: false } as const;
  const document = parseDocument(text, options);
  const place = (from: number, to: number) => placeIn(file, text, lineCounter, from, to);
  // Where the stack ended is an accident.
  if (document.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) {
    return [error(`${file} is nested too deeply`, undefined, 'a recipe has a few levels: is this the right file?')];
  }
  const found = [
    ...[...document.errors, ...document.warnings].map((problem) => syntaxError(problem, place)),
    ...controlCharacters(text, place),
  ];
  if (found.length > 0) return onePerLine(found);
  const wrong = repeatedAndUnknown(document, place);
  if (wrong.length > 0) return wrong;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: mostAliases });
  } catch {
    const help = 'write the repeated parts out, without anchors and aliases';
    return [error('the aliases expand to too much data', place(...(rangeOfNode(document.contents) ?? [0, 1])), help)];
  }
  return {
    file,
    value,
    placeOf: (path, part = 'value') => {
      const range = rangeOf(document.contents, document, path, part);
      return place(range[0], range[1]);
    },
  };
}

type PlaceOf = (from: number, to: number) => Place;

function syntaxError({ code, message, pos }: YAMLError, place: PlaceOf): Diagnostic {
  const known = syntaxErrors[message] ?? syntaxErrors[code];
  return error(known?.message ?? firstLine(message), place(...pos), known?.help);
}

const badIndent = {
  message: 'the indentation does not match the lines above',
  help: 'keys of one mapping start in the same column; the content of a key or bracket is indented further',
};

/** By yaml's code, or by its words where the code has several. */
const syntaxErrors: Record<string, { message: string; help: string }> = {
  BAD_INDENT: badIndent,
  'Sequence item without - indicator': badIndent,
  'Missing closing "quote': { message: 'a double quote is not closed', help: 'close it; it starts on a line above' },
  "Missing closing 'quote": { message: 'a single quote is not closed', help: 'close it; it starts on a line above' },
  BAD_SCALAR_START: {
    message: 'a value without quotes cannot start with this character',
    help: 'put the whole value in quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second `: ` on this line',
    help: 'put a value with a colon in quotes; start a mapping on its own line',
  },
  MULTIPLE_DOCS: { message: 'a second YAML document starts here', help: 'remove the `---`: a recipe is one document' },
  TAB_AS_INDENT: { message: 'a tab: YAML does not allow tabs for indentation', help: 'use spaces' },
  TAG_RESOLVE_FAILED: { message: 'this tag has no meaning in a recipe', help: 'remove it, or put the value in quotes' },
};

function controlCharacters(text: string, place: PlaceOf): Diagnostic[] {
  return [...text.matchAll(controlCharacter)].slice(0, 10).map((match) => {
    const name = (match[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const help = 'remove it, or write it as an escape in double quotes; is this a text file?';
    return error(`a control character (U+${name})`, place(match.index, match.index + 1), help);
  });
}

/** Keys that are written twice, and aliases without an anchor before them. */
function repeatedAndUnknown(document: YamlDocument, place: PlaceOf): Diagnostic[] {
  const repeated: Diagnostic[] = [];
  const unknown: Diagnostic[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Map: (_, map) => {
      if (map.anchor !== undefined) anchors.add(map.anchor);
      repeated.push(...repeatedKeys(map, place));
    },
    Seq: (_, { anchor }) => void (anchor !== undefined && anchors.add(anchor)),
    Scalar: (_, { anchor }) => void (anchor !== undefined && anchors.add(anchor)),
    Alias: (_, alias) => {
      const help = `an anchor \`&${alias.source}\` must come before it; a text that starts with \`*\` needs quotes`;
      const range = rangeOfNode(alias);
      if (range && !anchors.has(alias.source)) {
        unknown.push(error(`there is no anchor for the alias \`${alias.source}\``, place(...range), help));
      }
    },
  });
  return [...repeated, ...unknown];
}

function repeatedKeys({ items }: YAMLMap, place: PlaceOf): Diagnostic[] {
  const first = new Map<string, unknown>();
  return items.flatMap(({ key }) => {
    if (!isScalar(key) && key !== null) return [];
    const text = keyText(key);
    const range = rangeOfNode(key);
    const firstRange = rangeOfNode(first.get(text));
    if (!first.has(text)) first.set(text, key);
    else if (range && firstRange) {
      const related = [{ message: 'the first one is here', place: place(...firstRange) }];
      return [
        {
          ...error(`the key \`${text}\` appears twice in the same mapping`, place(...range), 'keep one of them'),
          related,
        },
      ];
    }
    return [];
  });
}

/** One mistake is often taken for several. */
function onePerLine(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(diagnostics.toReversed().map((one) => [one.place?.line, one])).values()].toReversed();
}

function rangeOf(
  top: Node | null,
  document: Parameters<Alias['resolve']>[0],
  path: Path,
  part: 'key' | 'value',
): [number, number] {
  let node: unknown = top;
  let best: [number, number] = rangeOfNode(top) ?? [0, 1];
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item): item is Pair => isPair(item) && keyText(item.key) === String(step));
      if (!pair) return best;
      const last = index === path.length - 1;
      best = rangeOfNode(last && part === 'key' ? pair.key : (pair.value ?? pair.key)) ?? rangeOfNode(pair.key) ?? best;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      best = rangeOfNode(node) ?? best;
    } else {
      return best;
    }
  }
  return best;
}

function keyText(key: unknown): string {
  return typeof key === 'object' && key !== null && 'value' in key ? String(key.value) : String(key);
}

function rangeOfNode(node: unknown): [number, number] | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? [range[0], Math.max(range[1], range[0] + 1)] : undefined;
}

function placeIn(file: string, text: string, lineCounter: LineCounter, from: number, to: number): Place {
  const start = lineCounter.linePos(from);
  // A block's range ends behind its last line break; a value is underlined to the end of its text.
  const trimmed = text.slice(from, to).trimEnd().length;
  const end = lineCounter.linePos(from + Math.max(1, trimmed));
  const lineStart = lineCounter.lineStarts[start.line - 1] ?? 0;
  const lineEnd = text.indexOf('\n', lineStart);
  const lineText = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd).replace(/\r$/, '');
  return { file, line: start.line, column: start.col, endLine: end.line, endColumn: end.col, lineText };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
