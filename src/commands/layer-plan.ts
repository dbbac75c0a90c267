import { UserError } from '../diagnostic/user-error.ts';
import { leaveOut, type Plan } from '../plan/plan.ts';

/**
 * The part of a plan that a layer alone can hold, without the parts of these names. Gives a warning for each part that is
 * left out with it because only some images need it; throws a `UserError` for any other that takes a step.
 */
export function layerPlan(whole: Plan, without: readonly string[]): { plan: Plan; warnings: string[] } {
  const plan = leaveOut(whole, without);
  const optional = new Map<string, string>();
  for (const { name, step } of plan.parts) {
    if (!step) continue;
    if ('leftOut' in step.inLayer) optional.set(name, step.inLayer.leftOut);
    else {
      const { message, help } = step.inLayer.refused;
      throw new UserError(message, `${help}; or leave it to whoever builds the image: --without ${name}`);
    }
  }
  return { plan: leaveOut(plan, [...optional.keys()]), warnings: [...optional.values()] };
}
