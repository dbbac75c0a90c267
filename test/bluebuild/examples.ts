import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const examples = join(import.meta.dirname, '../../examples');

/** The text of every recipe in examples/, by its path there. */
export const exampleRecipes = new Map(
  globSync('*/{recipes,build_files}/*.yml', { cwd: examples }).map((path) => [
    path,
    readFileSync(join(examples, path), 'utf8'),
  ]),
);
