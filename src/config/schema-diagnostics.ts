import type { ErrorObject } from 'ajv';
import { closest, distance } from 'fastest-levenshtein';
import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';
import type { Path } from '../recipe/document.ts';
import type { Entry } from '../recipe/entries.ts';
import { architectureOf } from './architecture.ts';
import { whyNotAllowed } from './rejected-text.ts';

/** The parts of JSON Schema that TypeSpec emits for this module. */
type Schema = {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string;
  enum?: string[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
};

/** What BlueBuild itself puts beside a module's own keys. */
export const blueBuildKeys = ['type', 'source', 'no-cache', 'env', 'secrets'];

/**
 * What the validator found, as a person wants to read it: one diagnostic for each wrong value (a union of types gives
 * the validator one error for each member), at its place, with what is allowed and the near miss.
 */
export function schemaDiagnostics(entry: Entry, errors: readonly ErrorObject[], schema: Schema): Diagnostic[] {
  const byPath = Map.groupBy(errors, ({ instancePath }) => instancePath);
  const outer = new Set([...byPath.keys()].flatMap(outerPointers));
  const told = [...byPath].slice(0, mostTold).flatMap(([pointer, found]) => {
    const path = pathOf(pointer, entry.value);
    // TypeSpec seals a mapping with `unevaluatedProperties: {not: {}}`, so it is the unknown value that fails.
    if (found.some(({ keyword }) => keyword === 'not')) return [unknownKey(entry, path, schema)];
    // Something inside this mapping or list is wrong, and is reported there.
    if (outer.has(pointer)) return [];
    const required = found.find(({ keyword }) => keyword === 'required');
    if (required) {
      const { missingProperty } = required.params as { missingProperty: string };
      return [error(`${nameOf(path)} needs \`${missingProperty}\``, entry.placeOf(path))];
    }
    return [wrongValue(entry, path, found, schema)];
  });
  const rest = byPath.size - mostTold;
  return rest > 0 ? [...told, error(`and ${rest} more errors in this entry, not shown`)] : told;
}

/** Nobody reads more at once, and each has to be found in the text. */
const mostTold = 100;

function outerPointers(pointer: string): string[] {
  const steps = pointer.split('/');
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join('/'));
}

function unknownKey(entry: Entry, path: Path, schema: Schema): Diagnostic {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const all = Object.keys(objectSchemaAt(schema, parent)?.properties ?? {});
  const own = parent.length === 0 ? all.filter((name) => !blueBuildKeys.includes(name)) : all;
  const hint = key === '<<' ? noMergeKeys : didYouMean(key, all) || otherLevel(key, parent, schema);
  return error(
    `${nameOf([key])} is not a key of ${nameOf(parent)}${hint}`,
    entry.placeOf(path, 'key'),
    `its keys are ${list(own, 'and')}`,
  );
}

function otherLevel(key: string, parent: Path, schema: Schema): string {
  const other: Path = parent.length === 0 ? ['installer'] : [];
  const keys = Object.keys(objectSchemaAt(schema, other)?.properties ?? {});
  return keys.includes(key) && !blueBuildKeys.includes(key) ? `; it belongs to ${nameOf(other)}` : '';
}

function wrongValue(entry: Entry, path: Path, found: readonly ErrorObject[], schema: Schema): Diagnostic {
  const value = path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], entry.value);
  const place = entry.placeOf(path);
  const name = nameOf(path);
  const tooLong = found.find(({ keyword }) => keyword === 'maxLength');
  if (tooLong && typeof value === 'string') {
    const { limit } = tooLong.params as { limit: number };
    return error(`${name} has ${value.length} characters; the maximum is ${limit}`, place);
  }
  if (typeof value === 'string' && found.some(({ keyword }) => keyword === 'pattern')) {
    const reason = whyNotAllowed(path, value);
    if (reason)
      return error(`${name}${reason.message.startsWith('`') ? ':' : ''} ${reason.message}`, place, reason.help);
  }
  const expected = schemaAt(schema, path) ?? {};
  const allowed = `must be ${describe(expected, schema)}`;
  if (value === null) return error(`${name} is empty, and ${allowed}`, place);
  const hint = path.at(-1) === '<<' ? noMergeKeys : meant(value, expected, schema);
  const takesText = branches(expected, schema).some(({ type, enum: choices }) => type === 'string' && !choices);
  const help = takesText && (typeof value === 'boolean' || Number.isFinite(value)) ? 'put it in quotes' : undefined;
  return error(`${name} ${allowed}, not ${show(value)}${hint}`, place, help);
}

const noMergeKeys = '; YAML 1.2 has no merge keys';

function meant(value: unknown, expected: Schema, schema: Schema): string {
  const choices = branches(expected, schema).flatMap((branch) => branch.enum ?? []);
  // YAML 1.1 read `off` and `no` as false, and some programs and people still do.
  if (typeof value === 'boolean') {
    const word = value ? 'on' : 'off';
    return choices.includes(word) ? `; did you mean \`'${word}'\`, with quotes?` : '';
  }
  if (typeof value !== 'string') return '';
  if (branches(expected, schema).some(({ type }) => type === 'boolean')) {
    const word = value.toLowerCase();
    const truth = ['yes', 'on', 'true'].includes(word) || (['no', 'off', 'false'].includes(word) ? false : undefined);
    return truth === undefined ? '' : `; did you mean \`${truth}\`${word === String(truth) ? ', without quotes' : ''}?`;
  }
  return didYouMean(value, choices);
}

/** The schema of the value at `path`. */
function schemaAt(schema: Schema, path: Path): Schema | undefined {
  return path.reduce<Schema | undefined>(
    (at, step) =>
      at &&
      branches(at, schema)
        .map((branch) => property(branch, step) ?? branch.items ?? additional(branch))
        .find((found) => found !== undefined),
    schema,
  );
}

function objectSchemaAt(schema: Schema, path: Path): Schema | undefined {
  const at = schemaAt(schema, path);
  return at && branches(at, schema).find((branch) => branch.properties);
}

function property({ properties }: Schema, step: string | number): Schema | undefined {
  return properties && Object.hasOwn(properties, step) ? properties[step] : undefined;
}

function additional(schema: Schema): Schema | undefined {
  return (schema as { unevaluatedProperties?: Schema }).unevaluatedProperties;
}

/** The members of a union, or the schema alone; references followed. */
function branches(schema: Schema, top: Schema): Schema[] {
  if (schema.$ref) return branches(top.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? {}, top);
  return schema.anyOf ? schema.anyOf.flatMap((branch) => branches(branch, top)) : [schema];
}

function describe(schema: Schema, top: Schema): string {
  const parts = branches(schema, top).flatMap((branch) => {
    if (branch.enum) return branch.enum.map(code);
    if (branch.type === 'array') return [`a list${branch.items ? ` (each item: ${describe(branch.items, top)})` : ''}`];
    if (branch.type === 'object') {
      const keys = Object.keys(branch.properties ?? {});
      return [`a mapping${keys.length ? ` with ${list(keys, 'or')}` : ''}`];
    }
    if (branch.type === 'boolean') return ['`true`', '`false`'];
    return [branch.type === 'number' ? 'a number' : `a ${branch.type ?? 'value'}`];
  });
  return listOf([...new Set(parts)], 'or');
}

/** The key in a message, as it would be looked for in the recipe: `installer.sha256.x86_64`. */
function nameOf(path: Path): string {
  if (path.length === 0) return 'the nix module';
  return code(
    path
      .map((step) =>
        typeof step === 'number' ? `[${step}]` : `.${/^[\w@<-]+$/.test(step) ? cut(step) : cut(quoted(step))}`,
      )
      .join('')
      .replace(/^\./, ''),
  );
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return code(cut(typeof value === 'number' ? String(value) : quoted(value)));
}

function quoted(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function didYouMean(word: string, words: readonly string[]): string {
  if (words.length === 0) return '';
  const architecture = architectureOf(word);
  if (architecture && words.includes(architecture)) return `; did you mean ${code(architecture)}?`;
  const lower = word.toLowerCase().replaceAll('_', '-');
  const best = closest(lower, words);
  return distance(lower, best) <= Math.max(1, Math.floor(best.length / 3)) ? `; did you mean ${code(best)}?` : '';
}

function list(words: readonly string[], conjunction: string): string {
  return listOf(words.map(code), conjunction);
}

function listOf(words: readonly string[], conjunction: string): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function pathOf(pointer: string, value: unknown): Path {
  const steps = pointer.split('/').slice(1);
  let inner = value;
  return steps.map((escaped) => {
    const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    const inList = Array.isArray(inner);
    inner = (inner as Record<string, unknown>)[step];
    return inList ? Number(step) : step;
  });
}
