import { defineConfig } from 'vitest/config';

/** The tests that run src/ in their own process: no mutant is active in a program that they start. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{bad-input,good-input,wrong-type,format,plan,rootfs}.test.ts',
      'test/unit/{selinux,transient-root}/{plan,image}.test.ts',
      'test/layer/layer.test.ts',
    ],
    // Not those that are slow on purpose: each mutant would run them again.
    testNamePattern: /^(?!.*(200 MB|100 000|thirty times|thousand aliases|whatever a root holds|at every step))/,
    testTimeout: 120_000,
  },
});
