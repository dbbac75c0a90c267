import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ['**/*.test.ts'],
    // The tests start processes and fill disks, which is slow on a busy machine.
    testTimeout: 60_000,
  },
});
