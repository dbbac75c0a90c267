/**
 * `npm run bench:boot`: the benches that boot machines, in turn; `-- --short`: the least rounds of each. Each ends with
 * the figures that the README states.
 */
import { join } from 'node:path';
import { execa } from 'execa';

for (const name of ['boot-cost', 'first-boot', 'transient-root', 'selinux']) {
  const started = performance.now();
  console.log(`\n=== ${name}`);
  await execa(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  console.log(`(${((performance.now() - started) / 1000).toFixed(0)} s)`);
}
