import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';

/** The kernel argument root.transient, and with `initramfs` the dracut module that makes it take effect with ostree and bootc. */
export const kernelArgument: PartMaker = {
  name: 'kernel-argument',
  make: ({ transientRoot }, files) => ({
    entries: transientRoot === 'off' ? [] : staticEntries(files, transientRoot),
  }),
};
