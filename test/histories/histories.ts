/**
 * Runs random histories of machines until there have been enough steps; the first one that fails is made as short as
 * possible and printed as a script that runs it again.
 *   histories.ts [--steps COUNT] [--seed SEED]
 *   histories.ts --again FILE     FILE: a history, one step per line (`-`: standard input)
 */
import * as fs from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { begin, beginning, carryOut, isPossible, type Real, type Step, steps } from './history.ts';
import { type Images, makeImages } from './images.ts';
import { type Machine, startMachine } from './machine.ts';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '10000' }, seed: { type: 'string' }, again: { type: 'string' } },
});
/**
 * More than there are processors: the kernel takes a while to end the mounts of a boot, and no processor is busy then.
 */
const workers = 2 * availableParallelism();
/** How many histories of one seed run before a worker checks whether there have been enough steps. */
const histories = 10;

const work = fs.mkdtempSync(join(tmpdir(), 'histories-'));
try {
  const images = await makeImages(work);
  process.exitCode = values.again === undefined ? await search(images) : await runAgain(images, values.again);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}

/** Runs random histories on as many machines as there are workers. Gives the exit code. */
async function search(images: Images): Promise<number> {
  const wanted = Number(values.steps);
  let seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30));
  const counted = { steps: 0 };
  const began = Date.now();
  console.log(`Histories: ${wanted} steps, from seed ${seed}`);
  let failure: string | undefined;
  const one = async (number: number): Promise<void> => {
    const start = () => startMachine(fs.mkdtempSync(join(work, `machine-${number}-`)), images);
    const real: Real = { machine: start(), images, counted, tell: () => {} };
    while (counted.steps < wanted && failure === undefined) {
      const details = await fc.check(historyOf(real, start), { seed: seed++, numRuns: histories });
      const { counterexample, errorInstance, numShrinks } = details;
      if (!details.failed) continue;
      if (!counterexample) throw new Error('a history that failed and is not known');
      failure ??= script(counterexample, errorInstance, `Seed ${details.seed}, shrunk ${numShrinks} times`);
    }
    real.machine.end();
  };
  await Promise.all(Array.from({ length: workers }, (_, number) => one(number)));
  if (failure !== undefined) {
    console.log(failure);
    return 1;
  }
  console.log(`${counted.steps} steps in ${((Date.now() - began) / 1000).toFixed(0)} s: nothing found`);
  return 0;
}

function historyOf(real: Real, start: () => Machine) {
  return fc.asyncProperty(beginning, steps, async (first, rest) => {
    try {
      const model = await begin(real, first);
      await fc.asyncModelRun(() => ({ model, real }), rest as never);
      // Whatever has happened: with free space and no mask, two undisturbed boots end with a Nix, or say why not.
      for (const last of [['boot'], ['boot'], ['boot']] as const) await carryOut(model, real, last);
      if (model.on) await real.machine.ask('off');
    } catch (cause) {
      // This machine is in an unknown state: the next history, usually this one made shorter, gets a new machine.
      real.machine.end();
      real.machine = start();
      throw cause;
    }
  });
}

/** A shell script that runs a history again, step by step. */
function script([first, rest]: [Step, { toString: () => string }], error: unknown, how: string): string {
  const lines = [
    first.join(' '),
    ...rest
      .toString()
      .split(',')
      .filter((line) => line !== ''),
    'boot',
    'boot',
    'boot',
  ];
  const why = (error instanceof Error ? error.message : String(error)).split('\n');
  return `#!/bin/sh
# ${how}. What does not hold at its end:
${why.map((line) => `#   ${line}`).join('\n')}
npm run -s test:histories -- --again - <<'END'
${lines.join('\n')}
END`;
}

/** Runs one history and prints each step with what the machine says. Gives the exit code. */
async function runAgain(images: Images, file: string): Promise<number> {
  const text = fs.readFileSync(file === '-' ? 0 : file, 'utf8');
  const [first, ...rest] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ') as unknown as Step);
  if (first === undefined) throw new Error('a history without a step');
  const machine = startMachine(join(work, 'machine'), images);
  const tell = (lines: readonly string[]): void => console.log(lines.map((line) => `    ${line}`).join('\n'));
  const real: Real = { machine, images, counted: { steps: 0 }, tell };
  try {
    const model = await begin(real, first);
    console.log(first.join(' '));
    for (const step of rest) {
      console.log(step.join(' '));
      if (!isPossible(model, step)) console.log('    (is not possible now)');
      else await carryOut(model, real, step);
    }
    if (model.on) await machine.ask('off');
  } catch (error) {
    console.log(`${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    machine.end();
  }
  return 0;
}
