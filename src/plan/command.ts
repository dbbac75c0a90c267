import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';

/** `bluebuild-nix` on the machine, for the person at it: the command, its page and its completions. */
export const command: PartMaker = {
  name: 'command',
  make: (_, files) => ({ entries: staticEntries(files, 'command') }),
};
