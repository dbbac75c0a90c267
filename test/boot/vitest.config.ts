import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { keepDurations } from './durations.ts';

// An emulated machine keeps one core busy most of the time: two files at once on two cores, a file's scenarios in turn.
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
