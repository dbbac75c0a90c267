import { UserError } from '../diagnostic/user-error.ts';
import type { Find, Read } from '../plan/demand.ts';
import { demandsOf, type Plan } from '../plan/plan.ts';

/** Throws a `UserError` for the first demand of a plan that an image does not meet. `name` is the image's, where there are several. */
export function checkDemands(plan: Plan, image: { find: Find; read: Read }, name?: string): void {
  const { find } = image;
  // Links are not followed, as `find` follows none.
  const read: Read = (path) => (find(path)?.kind === 'file' ? image.read(path) : undefined);
  for (const { refusal } of demandsOf(plan)) {
    const refused = refusal(find, read);
    if (refused) throw new UserError(`${name === undefined ? '' : `${name}: `}${refused.message}`, refused.help);
  }
}
