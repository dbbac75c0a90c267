import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';
import type { Entry } from './entries.ts';
import { controlCharacter, largestText } from './text.ts';

/** The name of the configuration in messages: it comes as an argument, not from a file. */
export const configurationName = '(configuration)';

/** An entry that does not know its places: JSON is YAML, whose parser does, but takes longer than all else. */
export type Configuration = Entry & { withPlaces: () => Promise<Entry> };

/**
 * The entry that BlueBuild passes to a module as its only argument: one JSON mapping.
 * Gives diagnostics where it is none; never throws.
 */
export async function parseConfiguration(json: string): Promise<Configuration | Diagnostic[]> {
  if (json.length > largestText) return [error('the configuration is larger than 1 MiB')];
  const text = json.replace(/^\ufeff/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const help = `pass one JSON object in single quotes: '{"type":"nix"}'`;
    return [error(`the configuration is not JSON: ${cause instanceof Error ? cause.message : cause}`, undefined, help)];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [error('the configuration must be one JSON object', undefined, `for example '{"type":"nix"}'`)];
  }
  const parsed = async () => (await import('./document.ts')).parse(configurationName, text);
  if (needsYaml(text, value)) {
    const document = await parsed();
    if (Array.isArray(document)) return document;
  }
  const entry: Entry = { value: value as Record<string, unknown>, stage: undefined, placeOf: () => undefined };
  const withPlaces = async (): Promise<Entry> => {
    const document = await parsed();
    return Array.isArray(document) ? entry : { ...entry, placeOf: document.placeOf };
  };
  return { ...entry, withPlaces };
}

/** No configuration is nested this deep; JSON.parse has no limit. */
const deepest = 100;

/** Whether the text has something that JSON.parse drops or accepts: a duplicate key, a control character. */
function needsYaml(text: string, value: object): boolean {
  const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;
  return countKeys(value, 0) !== written || text.search(controlCharacter) !== -1;
}

function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > deepest) return NaN;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, inner) => sum + countKeys(inner, depth + 1), own);
}
