/** The kinds of steps, by the names that `--without` takes. */
export const stepKinds = ['initramfs', 'selinux'] as const;
export type StepKind = (typeof stepKinds)[number];

/** Work that only the image itself can do, with its own programs: none of it can be a file of a layer. */
export type Step = InitramfsStep | SelinuxStep;

/** Builds the initramfs of every kernel anew, so that it holds the dracut module among the plan's entries. */
export type InitramfsStep = {
  kind: 'initramfs';
  /** What the step changes, as paths in the image; `*` stands for the version of a kernel. */
  path: string;
  /** Files of the image that each new initramfs must hold, by their paths in the initramfs. */
  holds: Readonly<Record<string, string>>;
};

/** Builds the SELinux policy of the image anew, so that it holds the module among the plan's entries. */
export type SelinuxStep = {
  kind: 'selinux';
  /** What the step changes, as paths in the image; `*` stands for the name of the policy, and for its format's version. */
  path: string;
  /** Whether an image that has no policy is an error; otherwise the step is left out for it. */
  needed: boolean;
  /** The module's source in CIL, a file of the image. Its name is the module's. */
  module: string;
  /** semodule's: 100 is the distribution's own, 400 what an administrator installs. */
  priority: number;
  /** A path that has the labels of another (file_contexts.subs). */
  equivalent: { path: string; to: string };
};

/** What a step needs, for a message of what cannot carry it out (a layer alone, without the image). */
export function stepNeed({ kind }: Step): { setting: string; need: string; help: string } {
  return {
    initramfs: {
      setting: 'transient-root: initramfs',
      need: 'rebuilds the initramfs with the dracut of the image',
      help: 'bake it in the image build (BlueBuild, or a Containerfile), or use `karg` or `off`: /nix exists either way',
    },
    selinux: {
      setting: 'selinux: on',
      need: 'builds the SELinux policy of the image anew with its semodule',
      help: 'bake it in the image build (BlueBuild, or a Containerfile)',
    },
  }[kind];
}
