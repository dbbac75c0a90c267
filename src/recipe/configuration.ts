import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';
import { type Document, largestText, parse } from './document.ts';
import type { Entry } from './entries.ts';

/** The name that stands for the configuration in messages: it comes as an argument, not from a file. */
export const configurationName = '(configuration)';

/**
 * The entry that BlueBuild passes to a module as its only argument: one JSON mapping.
 * Gives diagnostics where it is none; never throws.
 */
export function parseConfiguration(json: string): Entry | Diagnostic[] {
  if (json.length > largestText) return [error('the configuration is larger than 1 MiB')];
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    const help = `pass one JSON mapping in single quotes: '{"type":"nix"}'`;
    return [error(`the configuration is not JSON: ${cause instanceof Error ? cause.message : cause}`, undefined, help)];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [error('the configuration must be one JSON mapping', undefined, `for example '{"type":"nix"}'`)];
  }
  let document: Document | Diagnostic[] | undefined;
  return {
    value: value as Record<string, unknown>,
    stage: undefined,
    placeOf: (path, part) => {
      // JSON is YAML; only an error needs places, so only an error pays for finding them.
      document ??= parse(configurationName, json);
      return Array.isArray(document) ? undefined : document.placeOf(path, part);
    },
  };
}
