import { closeSync, openSync, readSync } from 'node:fs';
import type { Architecture } from '../config/architecture.ts';
import { checkEntry } from '../config/check.ts';
import type { Config } from '../config/config.ts';
import { type Diagnostic, hasErrors } from '../diagnostic/diagnostic.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { findEntries } from '../recipe/entries.ts';

/** The configurations of all entries of a recipe, and all that is wrong with it. */
export type Checked = {
  configs: { config: Config; stage: string | undefined }[];
  diagnostics: Diagnostic[];
  /** The types of the recipe's modules. */
  types: string[];
};

/** Reads and checks a whole recipe: every entry of every stage, every file it names. */
export function checkRecipe(recipe: string, architecture: Architecture): Checked {
  const { entries, diagnostics, types } = findEntries(recipe, readFile);
  const checked = entries.map(({ stage, ...entry }) => ({
    stage,
    result: checkEntry({ ...entry, stage }, architecture),
  }));
  return {
    configs: checked.flatMap(({ stage, result }) => (Array.isArray(result) ? [] : [{ config: result, stage }])),
    diagnostics: [...diagnostics, ...checked.flatMap(({ result }) => (Array.isArray(result) ? result : []))],
    types,
  };
}

/** The beginning of a file, whatever its size: a pipe and /dev/zero are files, too. */
function readFile(path: string, atMost: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(atMost);
    let length = 0;
    while (length < atMost) {
      const read = readSync(file, bytes, length, atMost - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** The one configuration of a recipe that is to be planned or baked. Throws a `UserError` with all that is wrong. */
export function configurationOf(recipe: string, architecture: Architecture): Config {
  const { configs, diagnostics, types } = checkRecipe(recipe, architecture);
  if (hasErrors(diagnostics)) throw new UserError(diagnostics);
  const own = configs.find(({ stage }) => stage === undefined);
  if (own) return own.config;
  const [other] = configs;
  if (!other) throw new UserError(`${recipe}: no \`type: nix\` entry`, foundTypes(types));
  throw new UserError(
    `${recipe}: the only \`type: nix\` entry is in the stage \`${other.stage}\``,
    'a stage is an image of its own; move the entry under `modules` to have Nix in the image',
  );
}

/** What a recipe has instead of what was looked for. */
export function foundTypes(types: readonly string[]): string {
  return types.length === 0 ? 'it has no modules' : `its modules are ${[...new Set(types)].join(', ')}`;
}
