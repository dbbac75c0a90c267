/** Ends the first-boot program before each command that it runs, one at a time; the next run must repair the damage. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

const libraries = [join(import.meta.dirname, '../stores/cut-store.sh')];
/** Bash for `after`: a function of cut-store.sh. */
const call = (name: string): string => `. /usr/local/lib/cut-store.sh; ${name}`;
const image = ({ version, path }: { version: string; path: string }) => ({
  entry: { installer: { provider: 'native' as const, version }, selinux: 'off' as const },
  download: path,
});

const older = image(await nixTarball('trixie'));
const newer = image(await nixTarball('forky'));

const endsWell = async (options: Parameters<typeof firstBoot>[1]): Promise<void> => {
  const { found } = await firstBoot('dash', { size: '4g', libraries, ...options });
  expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/);
};

test('a first boot that is cut off before each of its commands', { timeout: 900_000 }, () =>
  endsWell({
    ...newer,
    after: call('cut_first_boot'),
  }),
);

test(
  'an update that is cut off before each of its commands: the Nix that was there works in between',
  { timeout: 1_800_000 },
  () =>
    endsWell({
      ...older,
      others: { newer },
      after: call('cut_update'),
    }),
);

test(
  'the takeover of an installer’s store that is cut off before each of its commands: what a user wrote is kept',
  { timeout: 1_800_000 },
  () =>
    endsWell({
      ...older,
      others: { newer },
      after: call('cut_takeover'),
    }),
);

test('a repair that is cut off before each of its commands, a boot, and the repair again', { timeout: 1_800_000 }, () =>
  endsWell({
    ...older,
    after: call('cut_repair'),
  }),
);
