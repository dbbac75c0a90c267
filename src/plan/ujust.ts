import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';

/** Recipes for `ujust`, where an image of Universal Blue's has that: their file, and a line that imports it. */
export const ujust: PartMaker = {
  name: 'ujust',
  make: (_, files) => ({
    entries: [],
    ofImage: {
      contents: [...justfiles, customRecipes],
      missingInLayer: 'The ujust recipes are left out: only bake and append see whether the image has ujust.',
      make: (find, read) => {
        const hasUjust = justfiles.some((path) => read(path)?.includes(`"${customRecipes}"`));
        const custom = find(customRecipes)?.kind ?? 'file';
        if (!hasUjust || custom !== 'file') return undefined;
        const before = read(customRecipes) ?? Buffer.alloc(0);
        const content = withLine(before, importLine);
        return {
          entries: staticEntries(files, 'ujust'),
          edited: { kind: 'file', path: customRecipes, mode: 0o644, content },
        };
      },
    },
  }),
};

/** What `ujust` reads: of Bazzite and the base images (ublue-os-just), and of Bluefin and Aurora. */
const justfiles = ['/usr/share/ublue-os/justfile', '/usr/share/ublue-os/just/00-entry.just'];
/** What each of them imports of a custom image's, if it is there; BlueBuild's module `justfiles` adds its lines to it, too. */
const customRecipes = '/usr/share/ublue-os/just/60-custom.just';
/** Left alone, it does no harm. */
const importLine = 'import? "/usr/share/ublue-os/just/65-nix.just"';

function withLine(before: Buffer, line: string): Buffer {
  const text = before.toString();
  if (text.split('\n').includes(line)) return before;
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return Buffer.concat([before, Buffer.from(`${end}${line}\n`)]);
}
