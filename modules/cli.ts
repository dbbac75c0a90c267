/** The entry of modules/nix/program, which nix.sh runs. */
import { builtCache, run } from './program.ts';

const directory = import.meta.dirname;
run({ directory, cacheOf: (name) => builtCache(directory, name), scripts: new Map() });
// All is done: without this, Node would take its memory apart first, piece by piece.
process.once('beforeExit', () => process.exit());
