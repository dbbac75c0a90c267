import type { Architecture } from '../config/architecture.ts';
import { checkEntry } from '../config/check.ts';
import type { Config } from '../config/config.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { parseConfiguration } from '../recipe/configuration.ts';

/** A recipe file, or the JSON mapping that BlueBuild passes. */
export type Source = { recipe: string } | { json: string };

/** The one configuration that is to be planned or baked. Throws a `UserError` with all that is wrong. */
export async function readConfiguration(source: Source, architecture: Architecture): Promise<Config> {
  if ('recipe' in source) {
    // The YAML parser is the larger half of the program, and JSON seldom needs it.
    const { configurationOf } = await import('./check-recipe.ts');
    return configurationOf(source.recipe, architecture);
  }
  const entry = await parseConfiguration(source.json);
  if (Array.isArray(entry)) throw new UserError(entry);
  const found = checkEntry(entry, architecture);
  if (!Array.isArray(found)) return found;
  const located = checkEntry(await entry.withPlaces(), architecture);
  throw new UserError(Array.isArray(located) ? located : found);
}
