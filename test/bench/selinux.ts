/**
 * What labelling costs a build: many small store paths, built by an unprivileged user on a machine that enforces SELinux,
 * with nix-label.path watching and without it, in one run on one machine, in turn. Prints seconds and their ratio; asserts
 * that the labels are right in the end. `node test/bench/selinux.ts [PATHS] [ROUNDS]`; root, and what the boot lab needs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { makeMachine, type RunningGuest } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';
import { waitForNix } from '../boot/nix-guest.ts';
import { nixImage } from '../boot/nix-image.ts';
import { enforcing, waitForLabels } from '../boot/selinux-guest.ts';
import { isShort } from './short.ts';

const paths = Number(process.argv[2] ?? (isShort ? 20 : 1000));
const rounds = Number(process.argv[3] ?? 1);

// For 1,000 paths in one call Nix's daemon takes more than 4 GB of memory.
const pathsPerCall = 50;

const derivations = (round: string, count: number): string => `{ first }: builtins.genList (number: derivation {
  name = "small-${round}-\${toString (first + number)}";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" "(exec -a mkdir $busybox -p $out/bin $out/share); echo $out > $out/bin/x; echo $out $out > $out/share/y" ];
}) (if ${count} - first < ${pathsPerCall} then ${count} - first else ${pathsPerCall})
`;

/** Seconds, by the guest's own clock, until the last of the paths is built. */
const build = async (guest: RunningGuest, round: string, count = paths): Promise<number> => {
  await guest.write(`/tmp/${round}.nix`, derivations(round, count));
  const nixBuild = `nix-build --no-out-link --option substitute false --max-jobs 2 /tmp/${round}.nix --arg first`;
  const command = `for first in $(seq 0 ${pathsPerCall} ${count - 1}); do ${nixBuild} $first || exit 1; done`;
  const time = `TIMEFORMAT=%R; time runuser --login lab -c '${command}' > /dev/null 2> /tmp/${round}.log`;
  return Number(await guest.succeed(`{ ${time}; } 2>&1 || { tail /tmp/${round}.log >&2; exit 1; }`, 3600));
};

await setup();
const directory = await mkdtemp('/tmp/boot-lab-');
const machine = await makeMachine('selinux', await nixImage({ base: 'lab-selinux-base' }), directory);
try {
  const guest = await machine.boot(enforcing);
  await waitForNix(guest);
  await build(guest, 'first', 20); // the first build of a machine does more than those after it
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
    `without labelling ${plain.toFixed(1)} s, with it ${labelled.toFixed(1)} s: ratio ${(labelled / plain).toFixed(3)}`,
  );
} finally {
  await machine.close();
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
