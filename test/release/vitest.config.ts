import { defineConfig } from 'vitest/config';

export default defineConfig({
  logLevel: 'error',
  test: {
    dir: import.meta.dirname,
    // GitHub's packages import JSON in a way that vite supports and Node does not.
    server: { deps: { inline: [/@actions\//] } },
    include: ['**/*.test.ts'],
    // The tests start npm, skopeo, cosign and buildah, some of them for another architecture.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
