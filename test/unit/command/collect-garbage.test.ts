import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './installed.ts';

const run = (name: string, script: string, check: (found: string) => void) =>
  test.concurrent(name, { timeout: 60_000 }, async (context) => {
    needs(context, 'root', 'namespaces');
    check(await onMachine(`{ ${script}; } 2>&1 || echo "exited with $?"; cat /run/asked-nix`));
  });

run('it asks Nix, and says what room there is', 'bluebuild-nix collect-garbage', (found) =>
  expect(found).toMatch(/^The disk had [0-9.]+GiB free, and now has [0-9.]+GiB\.\nnix-collect-garbage \n$/),
);
run('--older-than reaches Nix', 'bluebuild-nix collect-garbage --older-than 30d', (found) =>
  expect(found).toContain('nix-collect-garbage --delete-older-than 30d\n'),
);
run('an age that is none', "bluebuild-nix collect-garbage --older-than '1 month'", (found) =>
  expect(found).toBe('usage: bluebuild-nix collect-garbage [--older-than 30d]\nexited with 2\n'),
);
run('a user without privileges is told how', 'setpriv --reuid=nobody bluebuild-nix collect-garbage', (found) =>
  expect(found).toBe('This changes the machine, so it needs root: sudo bluebuild-nix collect-garbage\nexited with 1\n'),
);
run('an unknown command', 'bluebuild-nix instal', (found) =>
  expect(found).toBe('bluebuild-nix: there is no command instal\nSee: bluebuild-nix --help\nexited with 2\n'),
);
run('a machine without Nix', 'rm /nix/var/bluebuild-nix/installed; bluebuild-nix collect-garbage', (found) =>
  expect(found).toBe('There is no Nix to clean up after. See: bluebuild-nix status\nexited with 1\n'),
);
