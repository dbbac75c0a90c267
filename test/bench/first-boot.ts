/**
 * What first boot costs: `installer: native` and `system` compared with a nix-installer, on machines that are switched
 * on for the first time, in one run. Measures the time from sysinit.target until the daemon answers, what the module
 * adds to the image (with `system` also what the distribution's packages add), and the peak memory of the control group
 * of the unit that installs Nix, including page cache. Times are from the guest's clock, which counts executed
 * instructions, so other load on the host hardly affects them. Prints ratios; asserts nothing.
 * `node test/bench/first-boot.ts [--short]`; needs root, what the boot lab needs, and `npm run build`.
 */
import { rm } from 'node:fs/promises';
import { makeRunDirectory } from '../boot/lab/cache.ts';
import type { Image } from '../boot/lab/image.ts';
import { makeMachine } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';
import { nixImage } from '../boot/nix-image.ts';
import { providers } from '../boot/providers.ts';

const rounds = process.argv.includes('--short') ? 1 : 3;

type Cost = { seconds: number; imageBytes: number; packagesBytes: number; peakBytes: number };

const measure = (unit: string): string => `set -e
until [ -e /nix/var/bluebuild-nix/installed ] && [ -S /nix/var/nix/daemon-socket/socket ]; do sleep 0.2; done
until nix --extra-experimental-features nix-command store info --store daemon; do :; done >/dev/null 2>&1
to=$(cut -d ' ' -f 1 /proc/uptime)
until systemctl is-system-running --quiet --wait; do :; done
from=$(systemctl show --value --property ActiveEnterTimestampMonotonic sysinit.target)
peak=$(systemctl show --value --property MemoryPeak ${unit})
bytes=$(jq -r '.files | keys[]' /usr/share/bluebuild/nix/manifest.json | xargs stat -c '%F %s' | sed -n 's/^regular file //p' | jq -s add)
echo "$from $to $peak $bytes $(cat /usr/lib/lab-without-packages /usr/lib/lab-with-packages)"`;

const size = (name: string): string => `RUN du -sB1 --apparent-size /usr | cut -f 1 >/usr/lib/lab-${name}-packages`;

await setup();
const directory = await makeRunDirectory();
try {
  const costs: Record<string, Cost[]> = {};
  const images: Record<string, Image> = {};
  for (const [name, { image }] of Object.entries(providers)) {
    const { before = [], ...rest } = await image();
    images[name] = await nixImage({ ...rest, before: [size('without'), ...before, size('with')] });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, { firstUnit = 'nix-install.service' }] of Object.entries(providers)) {
      const image = images[name];
      if (!image) continue;
      const machine = await makeMachine(name, image, directory);
      try {
        const guest = await machine.boot({ until: 'control', countInstructions: true, limit: 600 });
        const output = await guest.succeed(measure(firstUnit), 1800);
        const [from = NaN, to = NaN, peakBytes = NaN, imageBytes = NaN, without = NaN, withPackages = NaN] = output
          .split(/\s+/)
          .map(Number);
        const packagesBytes = withPackages - without;
        (costs[name] ??= []).push({ seconds: to - from / 1e6, imageBytes, packagesBytes, peakBytes });
      } finally {
        await machine.close();
      }
    }
  }
  const least = (name: string, key: keyof Cost): number => Math.min(...(costs[name] ?? []).map((cost) => cost[key]));
  const row = (name: string) => ({
    'first boot, s': least(name, 'seconds').toFixed(1),
    'image, MB': (least(name, 'imageBytes') / 1e6).toFixed(2),
    'packages, MB': (least(name, 'packagesBytes') / 1e6).toFixed(1),
    'peak memory, MB': (least(name, 'peakBytes') / 1e6).toFixed(0),
  });
  console.log(`The least of ${rounds} rounds, under software emulation, in seconds of 4 ns an instruction:`);
  console.table(Object.fromEntries(Object.keys(costs).map((name) => [name, row(name)])));
  for (const name of Object.keys(costs).filter((one) => one !== 'nix-installer')) {
    const of = (key: keyof Cost): string => (least(name, key) / least('nix-installer', key)).toFixed(3);
    console.log(
      `For the README: with \`${name}\` first boot took ${of('seconds')} of a nix-installer's time from sysinit.target until ` +
        `the daemon answered, ${of('imageBytes')} of its bytes in the image, and ${of('peakBytes')} of its memory`,
    );
  }
} finally {
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
