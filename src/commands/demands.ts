import { UserError } from '../diagnostic/user-error.ts';
import type { Find } from '../plan/demand.ts';
import { demandsOf, type Plan } from '../plan/plan.ts';

/** Throws a `UserError` for the first demand of a plan that an image does not meet. `name` tells one image from others. */
export function checkDemands(plan: Plan, find: Find, name?: string): void {
  for (const { refusal } of demandsOf(plan)) {
    const refused = refusal(find);
    if (refused) throw new UserError(`${name === undefined ? '' : `${name}: `}${refused.message}`, refused.help);
  }
}
