import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, keyOf, makeRunDirectory } from './cache.ts';
import { debianTree } from './host.ts';

const libraries = 'usr/lib/x86_64-linux-gnu';
const loader = 'usr/lib64/ld-linux-x86-64.so.2';

/**
 * Bash that puts the Nix of a Debian suite into /usr/bin of a root that has another libc; each of its programs runs
 * with the libraries of its suite.
 */
export const distributionNix = async (suite: 'forky' | 'trixie'): Promise<string> => {
  const directory = await cached('distribution-nix', keyOf(suite, 'nix-bin'), async (partial) => {
    const work = await makeRunDirectory();
    try {
      const tree = join(work, 'tree');
      await debianTree('extract', suite, ['nix-bin'], tree);
      await mkdir(join(partial, 'lib'));
      await cp(join(tree, 'usr/bin/nix'), join(partial, 'nix'));
      await cp(join(tree, loader), join(partial, 'loader'), { dereference: true });
      const list = ['--library-path', join(tree, libraries), '--list', join(tree, 'usr/bin/nix')];
      const { stdout } = await execa(join(tree, loader), list);
      for (const [, path = ''] of stdout.matchAll(/=> (\S+) \(/g)) {
        await cp(path, join(partial, 'lib', path.slice(path.lastIndexOf('/') + 1)), { dereference: true });
      }
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return `rm -f /usr/bin/nix /usr/bin/nix-*
cat >/usr/bin/nix <<'end'
#!/bin/sh
exec ${directory}/loader --library-path ${directory}/lib --argv0 "\${0##*/}" ${directory}/nix "$@"
end
chmod +x /usr/bin/nix
for name in build channel collect-garbage copy-closure daemon env hash instantiate prefetch-url shell store; do
  ln -s nix /usr/bin/nix-$name
done
`;
};
