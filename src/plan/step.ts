/** The kinds of steps, by the names that `--without` takes. */
export const stepKinds = ['initramfs'] as const;
export type StepKind = (typeof stepKinds)[number];

/** Work that only the image itself can do, with its own programs: none of it can be a file of a layer. */
export type Step = {
  /** Builds the initramfs of every kernel anew, so that it holds the dracut module among the plan's entries. */
  kind: StepKind;
  /** What the step changes, as paths in the image; `*` stands for the version of a kernel. */
  path: string;
  /** Files of the image that each new initramfs must hold, by their paths in the initramfs. */
  holds: Readonly<Record<string, string>>;
};

/** What a step needs, for a message of what cannot carry it out (a layer alone, without the image). */
export function stepNeed({ kind }: Step): { setting: string; need: string; help: string } {
  return {
    initramfs: {
      setting: 'transient-root: initramfs',
      need: 'rebuilds the initramfs with the dracut of the image',
      help: 'bake it in the image build (BlueBuild, or a Containerfile), or use `karg` or `off`: /nix exists either way',
    },
  }[kind];
}
