import { UserError } from '../diagnostic/user-error.ts';
import type { Config } from '../config/config.ts';
import type { Plan } from '../plan/image-entry.ts';
import { makePlan } from '../plan/plan.ts';
import type { StaticFiles } from '../plan/static-files.ts';
import { type StepKind, stepNeed } from '../plan/step.ts';

/**
 * The plan of what a layer alone can hold. Steps need the image itself: those of the kinds `without` are left out, and so
 * is what only some images need, with a word of warning to `warn`. Throws a `UserError` for any other.
 */
export function planWithoutSteps(
  config: Config,
  files: StaticFiles,
  moduleVersion: string,
  without: readonly StepKind[],
  warn: (text: string) => void,
): Plan {
  const { steps } = makePlan(config, files, moduleVersion, without);
  const optional = steps.filter((step) => step.kind === 'selinux' && !step.needed);
  const step = steps.find((one) => !optional.includes(one));
  if (step) {
    const { setting, need, help } = stepNeed(step);
    const leave = `or leave it with --without ${step.kind}, for whoever does it later`;
    throw new UserError(`\`${setting}\` ${need}, and a layer alone cannot`, `${help}; ${leave}`);
  }
  if (optional.length > 0) {
    warn(
      'selinux: auto: left out, as a layer alone cannot change the SELinux policy of an image. Where SELinux is enforced\n' +
        '(Fedora), bake Nix in the image build; elsewhere write `selinux: off`.\n',
    );
  }
  return makePlan(config, files, moduleVersion, [...without, ...optional.map(({ kind }) => kind)]);
}
