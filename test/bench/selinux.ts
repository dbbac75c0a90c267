/**
 * What labelling costs a build: an unprivileged user builds many small store paths on a machine that enforces SELinux,
 * in turn without nix-label.path watching and with it, in one run. Prints seconds and their ratio; fails unless the
 * labels are right in the end.
 * `node test/bench/selinux.ts [--short]`; needs root and what the boot lab needs.
 */
import { rm } from 'node:fs/promises';
import { makeRunDirectory } from '../boot/lab/cache.ts';
import { makeMachine, type RunningGuest } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';
import { waitForNix } from '../boot/nix-guest.ts';
import { nixImage } from '../boot/nix-image.ts';
import { enforcing, waitForLabels } from '../boot/selinux-guest.ts';

const paths = process.argv.includes('--short') ? 100 : 1000;
const rounds = 1;

// With 1,000 paths in one call, Nix's daemon needs more than 4 GB of memory.
const pathsPerCall = 50;

const derivations = (round: string, count: number): string => `{ first }: builtins.genList (number: derivation {
  name = "small-${round}-\${toString (first + number)}";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" "(exec -a mkdir $busybox -p $out/bin $out/share); echo $out > $out/bin/x; echo $out $out > $out/share/y" ];
}) (if ${count} - first < ${pathsPerCall} then ${count} - first else ${pathsPerCall})
`;

/** Builds the paths; gives the seconds until the last one is built, by the guest's own clock. */
const build = async (guest: RunningGuest, round: string, count = paths): Promise<number> => {
  await guest.write(`/tmp/${round}.nix`, derivations(round, count));
  const nixBuild = `nix-build --no-out-link --option substitute false --max-jobs 2 /tmp/${round}.nix --arg first`;
  const command = `for first in $(seq 0 ${pathsPerCall} ${count - 1}); do ${nixBuild} $first || exit 1; done`;
  const time = `TIMEFORMAT=%R; time runuser --login lab -c '${command}' > /dev/null 2> /tmp/${round}.log`;
  return Number(await guest.succeed(`{ ${time}; } 2>&1 || { tail /tmp/${round}.log >&2; exit 1; }`, 3600));
};

await setup();
const directory = await makeRunDirectory();
const machine = await makeMachine('selinux', await nixImage({ base: 'lab-selinux-base' }), directory);
try {
  const guest = await machine.boot(enforcing);
  await waitForNix(guest);
  await build(guest, 'first', 20); // the first build on a machine does more than later ones
  const seconds: Record<'with' | 'without', number[]> = { with: [], without: [] };
  for (let round = 0; round < rounds; round += 1) {
    await guest.succeed('systemctl stop nix-label.path');
    seconds.without.push(await build(guest, `without-${round}`));
    await guest.succeed('systemctl start nix-label.path');
    seconds.with.push(await build(guest, `with-${round}`));
    await waitForLabels(guest, 60, `/nix/store/*-small-with-${round}-*`);
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [labelled, plain] = [mean(seconds.with), mean(seconds.without)];
  console.log(`${paths} small paths, mean of ${rounds} (software emulation):`);
  console.log(
    `without labelling ${plain.toFixed(1)} s, with it ${labelled.toFixed(1)} s\n` +
      `For the README: building ${paths} small paths took ${(labelled / plain).toFixed(2)} times as long with nix-label ` +
      'at work beside it as without',
  );
} finally {
  await machine.close();
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
