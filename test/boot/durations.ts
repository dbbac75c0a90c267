import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Reporter } from 'vitest/node';
import { cacheRoot } from './lab/cache.ts';

const file = join(cacheRoot, 'durations.json');

/** The key of a scenario in the durations: the path of its file and its name. */
export const scenarioName = (path: string, name: string): string => `${relative(import.meta.dirname, path)} > ${name}`;

/** How many milliseconds each scenario took when it last passed, by `scenarioName`. */
export const readDurations = async (): Promise<Record<string, number>> =>
  readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, number>,
    () => ({}),
  );

/** Records in the lab's cache how long each passing scenario took. */
export const keepDurations: Reporter = {
  onTestCaseResult: async (test) => {
    const duration = test.diagnostic()?.duration;
    if (test.result().state !== 'passed' || duration === undefined) return;
    const durations = { ...(await readDurations()), [scenarioName(test.module.moduleId, test.fullName)]: duration };
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.${process.pid}`, JSON.stringify(durations, undefined, 2));
    await rename(`${file}.${process.pid}`, file);
  },
};
