/**
 * How the bundled program (modules/nix/program) is loaded: each of its files with V8's code cache for it, so that what
 * `npm run build` has compiled is not compiled again at each start.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** The bundle's entry, and the folder of the cache, by Node's name for the architecture. */
const entry = 'program.cjs';
export const cacheDirectories = { x64: 'cache-amd64', arm64: 'cache-arm64' } as const;

export type Load = {
  /** The folder of the program. */
  directory: string;
  /** The code cache for a file of it; undefined where there is none. */
  cacheOf: (name: string) => Buffer | undefined;
  /** The files that were compiled so far, by their names. */
  scripts: Map<string, Script>;
};

/** Runs the program. Run again with the same `scripts`, it starts over and compiles nothing twice. */
export function run({ directory, cacheOf, scripts }: Load): void {
  const loaded = new Map<string, { exports: unknown }>();
  const require = (id: string): unknown => {
    if (!id.startsWith('./')) return process.getBuiltinModule(id);
    const before = loaded.get(id);
    if (before) return before.exports;
    const module = { exports: {} };
    loaded.set(id, module);
    const name = id.slice(2);
    const script = scripts.get(name) ?? compile(directory, name, cacheOf(name));
    scripts.set(name, script);
    const load = script.runInThisContext() as (...values: unknown[]) => void;
    load(module.exports, require, module, join(directory, name), directory);
    return module.exports;
  };
  require(`./${entry}`);
}

/** Compiles a file of the program as Node does a CommonJS module. Its path would be in the cache: its name is all V8 gets. */
export function compile(directory: string, name: string, cachedData: Buffer | undefined): Script {
  const source = readFileSync(join(directory, name), 'utf8').replace(/^#!.*/, '');
  const text = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  return new Script(text, { filename: name, ...(cachedData && { cachedData }) });
}

/** The cache that `npm run build` has made for this Node. Without it the program is as good, and slower to start. */
export function builtCache(directory: string, name: string): Buffer | undefined {
  const architecture = cacheDirectories[process.arch as keyof typeof cacheDirectories];
  try {
    return readFileSync(join(directory, architecture, name));
  } catch {
    return undefined;
  }
}
