import { ImageError } from '../image/image-error.ts';
import type { Plan } from '../plan/image-entry.ts';
import { stepNeed } from '../plan/step.ts';

/** Throws an `ImageError` for a plan with steps, which need the image itself: a layer alone cannot carry them out. */
export function requireNoSteps({ steps }: Plan): void {
  const [step] = steps;
  if (!step) return;
  const { setting, need, help } = stepNeed(step);
  const leave = `or leave it with --without ${step.kind}, for whoever does it later`;
  throw new ImageError(`\`${setting}\` ${need}, and a layer alone cannot`, `${help}; ${leave}`);
}
