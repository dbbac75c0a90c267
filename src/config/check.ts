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
  const { line, column } = { line: Infinity, column: 0 };
  return diagnostics.toSorted(({ place: one = { line, column } }, { place: other = { line, column } }) =>
    one.line === other.line ? one.column - other.column : one.line - other.line,
  );
}
