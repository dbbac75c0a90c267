/** `npm run test:boot`: builds the module and runs the scenarios; `--list` lists them, and how long each took last. */
import { join } from 'node:path';
import { execa } from 'execa';
import { readDurations, scenarioName } from './durations.ts';

const config = ['--config', join(import.meta.dirname, 'vitest.config.ts')];
const given = process.argv.slice(2);

async function list(filters: string[]): Promise<void> {
  // The names are computed when the files run, so static parsing does not find them.
  const { stdout } = await execa('vitest', ['list', ...config, '--json', '--no-staticParse', ...filters]);
  const durations = await readDurations();
  let total = 0;
  const listed = JSON.parse(stdout) as { file: string; name: string }[];
  for (const scenario of listed.map(({ file, name }) => scenarioName(file, name)).sort()) {
    const seconds = (durations[scenario] ?? NaN) / 1000;
    if (seconds > 0) total += seconds;
    console.log(`${(Number.isNaN(seconds) ? '-' : `${seconds.toFixed(0)} s`).padStart(7)}  ${scenario}`);
  }
  console.log(`${total.toFixed(0)} s in all; two files run at a time`);
}

if (given.includes('--list')) await list(given.filter((argument) => argument !== '--list'));
else {
  await execa('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
  const { exitCode } = await execa('vitest', ['run', ...config, ...given], { stdio: 'inherit', reject: false });
  process.exitCode = exitCode ?? 1;
}
