import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ['**/*.test.ts'],
    // Processes are started and disks are filled: a busy machine is slow, not wrong.
    testTimeout: 60_000,
  },
});
