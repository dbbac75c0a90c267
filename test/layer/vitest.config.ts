import { defineConfig } from 'vitest/config';

export default defineConfig({
  logLevel: 'error',
  test: {
    dir: import.meta.dirname,
    // GitHub's packages import JSON in a way that Node does not take, and vite does.
    server: { deps: { inline: [/@actions\//] } },
    include: ['**/*.test.ts'],
    // buildah, umoci and skopeo are started: a busy machine is slow, not wrong.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
