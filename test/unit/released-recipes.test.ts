import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import schema from '../../schema/nix-v1.json' with { type: 'json' };
import { checkRecipe } from '../../src/commands/check-recipe.ts';
import { architectures } from '../../src/config/architecture.ts';

// What v1 promises to accept. A release adds a folder for what its schema newly accepts; a released file never changes.
const recipes = globSync('released-recipes/*/*.yml', { cwd: import.meta.dirname });
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

type Recipe = { modules: object[]; stages?: { modules: object[] }[] };

test.each(recipes)('%s is valid as long as there is v1', (name) => {
  const path = join(import.meta.dirname, name);
  for (const architecture of architectures) expect(checkRecipe(path, architecture).diagnostics).toEqual([]);
  const { modules, stages = [] } = parse(readFileSync(path, 'utf8')) as Recipe;
  for (const entry of [...modules, ...stages.flatMap((stage) => stage.modules)])
    expect([validate(entry), validate.errors]).toEqual([true, null]);
});

test('they are there', () => {
  expect(recipes.length).toBeGreaterThan(1);
});
