import schema from '../../schema/nix-v1.json' with { type: 'json' };
import type { Diagnostic } from '../diagnostic/diagnostic.ts';
import type { Entry } from '../recipe/entries.ts';
import type { Architecture } from './architecture.ts';
import { type Config, configOf } from './config.ts';
import type { RecipeEntry } from './recipe-entry.ts';
import { ruleDiagnostics } from './rules.ts';
import { schemaDiagnostics } from './schema-diagnostics.ts';
import validate from './validator.js';

/** Checks a recipe entry against the schema and the rules; gives the whole configuration, or all that is wrong. */
export function checkEntry(entry: Entry, architecture: Architecture): Config | Diagnostic[] {
  if (!validate(entry.value)) return byPlace(schemaDiagnostics(entry, validate.errors ?? [], schema));
  const value = entry.value as unknown as RecipeEntry;
  const diagnostics = ruleDiagnostics(entry, value, architecture);
  return diagnostics.length > 0 ? byPlace(diagnostics) : configOf(value, architecture);
}

function byPlace(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const offset = ({ place }: Diagnostic) => [place?.line ?? Infinity, place?.column ?? Infinity] as const;
  return diagnostics.toSorted((one, other) => {
    const [[line, column], [otherLine, otherColumn]] = [offset(one), offset(other)];
    return line === otherLine ? (column < otherColumn ? -1 : 1) : line < otherLine ? -1 : 1;
  });
}
