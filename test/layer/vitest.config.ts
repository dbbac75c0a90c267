import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ['**/*.test.ts'],
    // The tests start buildah, umoci and skopeo, which are slow on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
