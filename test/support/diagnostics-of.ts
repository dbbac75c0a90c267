import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkRecipe } from '../../src/commands/check-recipe.ts';
import { readConfiguration } from '../../src/commands/configuration.ts';
import type { Diagnostic } from '../../src/diagnostic/diagnostic.ts';
import { UserError } from '../../src/diagnostic/user-error.ts';
import { configurationName } from '../../src/recipe/configuration.ts';
import type { BadInput } from '../unit/bad-input.ts';

/** Writes files into a new directory, calls `use` with the directory, and removes it; gives what `use` gives. */
export function withDirectory<T>(files: Record<string, string | Uint8Array>, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'nix-unit-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The diagnostics of an input, in the form of test/unit/bad-input.ts, with file names relative to the recipe. */
export async function diagnosticsOf({ input, files }: Pick<BadInput, 'input' | 'files'>): Promise<string[]> {
  if ('json' in input) {
    try {
      await readConfiguration({ json: input.json }, 'x86_64');
      return [];
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause;
      return cause.diagnostics.map((diagnostic) => asText(diagnostic, '/'));
    }
  }
  return withDirectory({ 'recipe.yml': input.recipe, ...files }, (directory) =>
    checkRecipe(join(directory, 'recipe.yml'), 'x86_64').diagnostics.map((diagnostic) => asText(diagnostic, directory)),
  );
}

/** A diagnostic in the form of test/unit/bad-input.ts, with file names relative to `directory`. */
export function asText({ message, help, place, related = [] }: Diagnostic, directory: string): string {
  const where = (at: NonNullable<Diagnostic['place']>) => {
    const file = at.file.replace(`${directory}/`, '');
    const named = ['recipe.yml', configurationName].includes(file) ? '' : `${file}:`;
    return `${named}${at.line}:${at.column}`;
  };
  const told = [
    ...(place ? [where(place)] : []),
    message,
    ...(help === undefined ? [] : ['=', help]),
    ...related.map(({ message, place }) => `(${where(place)} ${message})`),
  ];
  const text = told.join(' ');
  return directory === '/' ? text : text.replaceAll(`${directory}/`, '').replaceAll(directory, '.');
}
