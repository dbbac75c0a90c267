/**
 * `npm run bench:boot`: runs the benches that boot machines, or only the named ones, one after the other; with
 * `-- --short`, the minimum of each. At its end, each prints the figures that the README states.
 */
import { join } from 'node:path';
import { execa } from 'execa';

const all = ['boot-cost', 'first-boot', 'transient-root', 'selinux'];
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

for (const name of named.length > 0 ? named : all) {
  const started = performance.now();
  console.log(`\n=== ${name}`);
  await execa(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], { stdio: 'inherit' });
  console.log(`(${((performance.now() - started) / 1000).toFixed(0)} s)`);
}
