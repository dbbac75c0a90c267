import { defineConfig } from 'vitest/config';

/** Only the tests that run src/ in their own process: a mutant is not active in programs that a test starts. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{bad-input,good-input,wrong-type,format,plan,rootfs}.test.ts',
      'test/unit/{selinux,transient-root}/{plan,image}.test.ts',
      'test/layer/layer.test.ts',
    ],
    // Leaves out tests that are slow on purpose, because each mutant would run them again.
    testNamePattern: /^(?!.*(200 MB|100 000|thirty times|thousand aliases|whatever a root holds|at every step))/,
    testTimeout: 120_000,
  },
});
