import { type Alias, isAlias, isMap, isPair, isSeq, LineCounter, type Node, parseDocument, type Pair } from 'yaml';
import { type Diagnostic, error, type Place } from '../diagnostic/diagnostic.ts';

/** The way to a value from the top: keys of mappings and indexes of lists. */
export type Path = readonly (string | number)[];

/** A parsed YAML (or JSON) text that remembers where each value stands. */
export type Document = {
  file: string;
  value: unknown;
  /** The place of the value at `path`, or of its key; of the nearest thing around it where there is no such value. */
  placeOf(path: Path, part?: 'key' | 'value'): Place;
};

/** No recipe is near this size; what is larger is a mistake or an attack. In bytes of UTF-16 units, which is close enough. */
export const largestText = 1024 * 1024;

/**
 * Parses YAML 1.2 as BlueBuild reads it (duplicate keys are errors, `<<` is a key as any other).
 * Gives the diagnostics instead where the text is not valid; never throws.
 */
export function parse(file: string, text: string): Document | Diagnostic[] {
  if (text.length > largestText) {
    return [error(`${file} is larger than 1 MiB`, undefined, 'a recipe is a few kilobytes: is this the right file?')];
  }
  const lineCounter = new LineCounter();
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const document = parseDocument(source, { lineCounter, prettyErrors: false });
  const place = (from: number, to: number) => placeIn(file, source, lineCounter, from, to);
  if (document.errors.length > 0) {
    return document.errors.map(({ message, pos }) => error(firstLine(message), place(...pos)));
  }
  let value: unknown;
  try {
    // An alias can stand for a mapping full of aliases; yaml counts what they come to and stops at 100.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const range = document.contents?.range;
    return [
      error(
        `${file} cannot be read: ${firstLine(cause instanceof Error ? cause.message : String(cause))}`,
        range ? place(range[0], range[0] + 1) : undefined,
        'write the repeated parts out, without anchors and aliases',
      ),
    ];
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
