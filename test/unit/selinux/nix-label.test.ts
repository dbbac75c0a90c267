import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test, type TestContext } from 'vitest';
import { holdLocks } from '../hold-locks.ts';
import { needs } from '../../support/requirement.ts';

const files = join(import.meta.dirname, '../../../modules/nix/files/selinux');
const name = (letter: string) => `/nix/store/${letter.repeat(32)}-${letter}`;
const makePaths = 'for letter in a b c; do mkdir "/nix/store/$(printf "$letter%.0s" {1..32})-$letter"; done; ';

/** Runs `script` in a root in which it can call the program as `nix-label` (see nix-label.sh); gives what it prints. */
async function labelling(context: TestContext, script: string): Promise<string> {
  needs(context, 'root', 'namespaces');
  const directory = await mkdtemp(join(tmpdir(), 'nix-label-'));
  try {
    const memory = join(directory, 'memory');
    await mkdir(memory);
    const program = join(import.meta.dirname, 'nix-label.sh');
    const { stdout } = await execa('unshare', ['--mount', '--propagation', 'private', program, files, memory, script], {
      timeout: 60_000,
    });
    return stdout;
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('a garbage collection that removes a path meanwhile is no failure, of a whole store and of what is new', async (context) => {
  const found = await labelling(
    context,
    `${makePaths}
     echo 'rm -r ${name('b')}' >/run/meanwhile
     nix-label
     touch -d '1 hour ago' /nix/var/bluebuild-nix/labels
     rm /run/labelled
     mkdir ${name('d')}
     echo 'rm -r ${name('d')}' >/run/meanwhile
     nix-label
     ls -d /nix/store/*
     grep -c ${name('c')} /run/labelled`,
  );
  expect(found.split('\n').slice(-3)).toEqual([name('a'), name('c'), expect.stringMatching(/^[1-9]$/)]);
});

test('a backup that came back without its labels, and with the record of them: all of it is labelled', async (context) => {
  const nextBoot = 'rm -rf /run/bluebuild-nix; nix-label';
  const found = await labelling(
    context,
    `${makePaths} nix-label; ${nextBoot}; echo lost; : >/run/lost; ${nextBoot}; nix-label`,
  );
  expect(found).toBe('<5>Labelling all of /nix\nlost\n<5>Labelling all of /nix');
});

test('a policy that was changed on the machine: where its backend shows what differs', async (context) => {
  const lost = 'sed -i /nix/d /etc/selinux/targeted/contexts/files/file_contexts; nix-label 2>&1';
  const differs = (
    see: string,
  ) => `<4>The SELinux policy was changed on this machine, so it lacks what the image has for /nix.
<4>See: ${see}
<5>Labelling all of /nix`;
  expect(await labelling(context, lost)).toBe(differs('bootc config-diff'));
  const ostree = 'ostree admin config-diff; the policy of the image is in /usr/etc/selinux';
  expect(await labelling(context, `mkdir /usr/etc; ${lost}`)).toBe(differs(ostree));
});

test('a clock that was ahead is noticed in a locale with a decimal comma', async (context) => {
  needs(context, 'locales');
  const found = await labelling(
    context,
    `localedef -i de_DE -f UTF-8 /run/de_DE.UTF-8
     ${makePaths}
     nix-label
     touch -d tomorrow /nix/var/bluebuild-nix/labels
     rm /run/labelled
     LOCPATH=/run LC_ALL=de_DE.UTF-8 nix-label`,
  );
  expect(found.match(/Labelling all of \/nix/g)).toHaveLength(2);
});

test('a user who locks all that he can does not stop it', async (context) => {
  const found = await labelling(
    context,
    `${makePaths}
     nix-label
     ${holdLocks}
     rm /nix/var/bluebuild-nix/labels
     code=0; timeout 20 nix-label || code=$?
     kill $holder
     cat /run/held/list
     echo exited with $code`,
  );
  expect(found).toMatch(/^\/nix\/var\/bluebuild-nix$/m);
  expect(found).toContain('exited with 0');
});
