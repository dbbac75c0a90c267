/**
 * V8's code cache for modules/nix/program, made and checked by the Node that will use it: V8 takes only what the same
 * version, built for the same architecture, has made, and says nothing where it does not.
 *
 * node --predictable --hash-seed=1 --random-seed=1 code-cache.ts make PROGRAM WORK
 * node code-cache.ts check PROGRAM
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Script } from 'node:vm';
import { builtCache, cacheDirectories, compile, run } from './program.ts';

const [, , task, program = '', work = ''] = process.argv;
if (task === 'make') make();
else check();

/** Runs what users run, and keeps what V8 compiled for it. */
function make(): void {
  // What was compiled is kept until it is written, whenever V8 cleans up.
  setFlagsFromString('--no-flush-bytecode');
  const scripts = new Map<string, Script>();
  const commands = warmUp();
  process.on('beforeExit', (code) => {
    if (code !== 0) throw new Error('a command failed');
    const command = commands.shift();
    if (command) {
      process.argv = [process.execPath, 'cli.cjs', ...command];
      // Only what Node waits for makes it say again that it has nothing left to do.
      setImmediate(() => run({ directory: program, cacheOf: () => undefined, scripts }));
    } else if (scripts.size > 0) {
      write(scripts);
      scripts.clear();
    }
  });
}

/** The commands: an entry that embeds its installer and one that does not, in an image without a policy; a recipe. */
function warmUp(): string[][] {
  const installer = 'a stand-in for nix-installer\n';
  const url = 'file:///tmp/files/installer';
  const sha256 = createHash('sha256').update(installer).digest('hex');
  for (const directory of ['files', 'root', 'root/usr', 'root/var']) mkdirSync(join(work, directory));
  writeFileSync(join(work, 'files/installer'), installer);
  writeFileSync(join(work, 'recipe.yml'), 'modules:\n  - type: script\n    scripts: [a.sh]\n  - type: nix\n');
  process.env['CONFIG_DIRECTORY'] = join(work, 'files');
  const bake = ['bake', '--root', join(work, 'root'), '--cache', join(work, 'cache'), '--config'];
  return [
    [...bake, JSON.stringify({ type: 'nix', installer: { provider: 'nixos', version: '1.0.0', url, sha256 } })],
    [...bake, JSON.stringify({ type: 'nix', installer: { embed: false } })],
    ['validate', join(work, 'recipe.yml')],
  ];
}

function write(scripts: ReadonlyMap<string, Script>): void {
  // V8 refuses a cache that was made with other flags than it is used with.
  for (const flag of ['--flush-bytecode', '--hash-seed=0']) setFlagsFromString(flag);
  const directory = join(program, cacheDirectories[process.arch as keyof typeof cacheDirectories]);
  for (const [name, script] of scripts) writeFileSync(join(directory, name), script.createCachedData());
}

/** Fails unless this Node takes the cache of each file that has one, and the program's entry has. */
function check(): void {
  const refused = readdirSync(program)
    .filter((name) => name.endsWith('.cjs') && name !== 'cli.cjs')
    .filter((name) => {
      const cachedData = builtCache(program, name);
      return cachedData ? compile(program, name, cachedData).cachedDataRejected : name === 'program.cjs';
    });
  if (refused.length === 0) return;
  process.stderr.write(`V8 does not take the code cache of ${refused.join(', ')}\n`);
  process.exitCode = 1;
}
