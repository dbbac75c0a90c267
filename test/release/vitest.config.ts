import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ['**/*.test.ts'],
    // npm, skopeo, cosign and buildah are started, some under another architecture.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
