import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';
import { largestText, parse } from './document.ts';
import type { Entry } from './entries.ts';

/** The name that stands for the configuration in messages: it comes as an argument, not from a file. */
export const configurationName = '(configuration)';

/**
 * The entry that BlueBuild passes to a module as its only argument: one JSON mapping.
 * Gives diagnostics where it is none; never throws.
 */
export function parseConfiguration(json: string): Entry | Diagnostic[] {
  if (json.length > largestText) return [error('the configuration is larger than 1 MiB')];
  const text = json.replace(/^\ufeff/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const help = `pass one JSON mapping in single quotes: '{"type":"nix"}'`;
    return [error(`the configuration is not JSON: ${cause instanceof Error ? cause.message : cause}`, undefined, help)];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [error('the configuration must be one JSON mapping', undefined, `for example '{"type":"nix"}'`)];
  }
  // JSON is YAML, whose parser knows where things stand, and sees the keys that JSON.parse drops: those written twice.
  const document = parse(configurationName, text);
  if (Array.isArray(document)) return document;
  return { value: value as Record<string, unknown>, stage: undefined, placeOf: document.placeOf };
}
