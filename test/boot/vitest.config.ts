import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Scenarios run one after another: each machine wants all of the host.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/boot/*/*.test.ts'],
    globalSetup: 'test/boot/lab/prepare.ts',
    fileParallelism: false,
    maxConcurrency: 1,
    pool: 'forks',
    reporters: ['verbose'],
  },
});
