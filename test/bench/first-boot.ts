/**
 * What first boot costs: `installer: native` beside a nix-installer, with the same Nix, in machines that do nothing else,
 * in one run. Time from the start of nix-install.service until the daemon answers, what the module adds to the image,
 * and the peak of memory that the service's control group had, page cache included. Prints ratios; asserts nothing.
 * `node test/bench/first-boot.ts [ROUNDS]`; root, what the boot lab needs, and `npm run build`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import type { Machine, OwnedMachine, SavedState } from '../boot/lab/machine.ts';
import { makeMachine } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';
import type { Lab } from '../boot/lab/scenario.ts';
import { beforeInstallation } from '../boot/interrupted-installation.ts';
import { providers } from '../boot/providers.ts';
import { isShort } from './short.ts';

const rounds = Number(process.argv[2] ?? (isShort ? 1 : 3));

type Cost = { seconds: number; imageBytes: number; peakBytes: number };

const firstBoot = `set -e
now() { cut -d ' ' -f 1 /proc/uptime; }
sync; echo 3 >/proc/sys/vm/drop_caches
from=$(now)
systemctl start nix-install.service
until /nix/var/nix/profiles/default/bin/nix --extra-experimental-features nix-command store info --store daemon; do :; done >/dev/null 2>&1
to=$(now)
peak=$(systemctl show --value --property MemoryPeak nix-install.service)
bytes=$(jq -r '.files | keys[]' /usr/share/bluebuild/nix/manifest.json | xargs stat -c '%F %s' | sed -n 's/^regular file //p' | jq -s add)
echo "$from $to $peak $bytes"`;

await setup();
const directory = await mkdtemp('/tmp/boot-lab-');
const machines: OwnedMachine[] = [];
try {
  const costs: Record<string, Cost[]> = {};
  const states: Record<string, { machine: Machine; state: SavedState }> = {};
  for (const [name, provider] of Object.entries(providers)) {
    const lab: Pick<Lab, 'machine'> = {
      machine: async (image, options) => {
        const machine = await makeMachine(name, image, directory, options);
        machines.push(machine);
        return machine;
      },
    };
    const { machine, guest } = await beforeInstallation(lab, provider);
    states[name] = { machine, state: await guest.saveState() };
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, { machine, state }] of Object.entries(states)) {
      const guest = await machine.resume(state);
      const output = await guest.succeed(firstBoot, 900);
      const [from = NaN, to = NaN, peakBytes = NaN, imageBytes = NaN] = output.split(' ').map(Number);
      (costs[name] ??= []).push({ seconds: to - from, imageBytes, peakBytes });
      await guest.cutPower();
    }
  }
  const least = (name: string, key: keyof Cost): number => Math.min(...(costs[name] ?? []).map((cost) => cost[key]));
  const row = (name: string) => ({
    'first boot, s': least(name, 'seconds').toFixed(1),
    'image, MB': (least(name, 'imageBytes') / 1e6).toFixed(1),
    'peak memory, MB': (least(name, 'peakBytes') / 1e6).toFixed(0),
  });
  console.log(`The least of ${rounds} rounds, under software emulation:`);
  console.table(Object.fromEntries(Object.keys(costs).map((name) => [name, row(name)])));
  const ratio = (key: keyof Cost): number => least('native', key) / least('nix-installer', key);
  const aim = (what: string, value: number, limit: number): void =>
    console.log(
      `${what.padEnd(40)}${value.toFixed(2).padStart(6)}  aim ${limit}  ${value <= limit ? 'met' : 'MISSED'}`,
    );
  aim('native / nix-installer, time', ratio('seconds'), 0.5);
  aim('native / nix-installer, bytes', ratio('imageBytes'), 1);
  console.log(`${'native / nix-installer, memory'.padEnd(40)}${ratio('peakBytes').toFixed(2).padStart(6)}`);
} finally {
  for (const machine of machines) await machine.close();
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
