import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';

/** What desktops need to know of Nix: whom a login screen does not show, and where a session finds what users install. */
export const desktop: PartMaker = {
  name: 'desktop',
  make: (_config, files) => ({ entries: staticEntries(files, 'desktop') }),
};
