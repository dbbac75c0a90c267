import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { keepDurations } from './durations.ts';

// An emulated machine keeps one core busy most of the time, so two files run at once on two cores, and the scenarios of
// one file run one after the other.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/boot/*/*.test.ts'],
    globalSetup: 'test/boot/lab/prepare.ts',
    maxWorkers: 2,
    maxConcurrency: 1,
    pool: 'forks',
    reporters: ['verbose', keepDurations],
  },
});
