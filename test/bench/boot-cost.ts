/**
 * What Nix costs a boot after the first: three machines from one disk, booted in turn, one with the image's units, one
 * with those that a nix-installer puts into /etc, and one without Nix. Times are systemd's own, from the guest's clock,
 * which counts executed instructions, so other load on the host hardly affects them. Prints ratios; asserts nothing.
 * `node test/bench/boot-cost.ts [--short]`; needs root, what the boot lab needs, and `npm run build`.
 */
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf, makeRunDirectory } from '../boot/lab/cache.ts';
import { buildImage, type Image } from '../boot/lab/image.ts';
import { makeMachine, type RunningGuest } from '../boot/lab/machine.ts';
import { nixInstaller } from '../boot/lab/nix-installer.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';
import { waitForNix } from '../boot/nix-guest.ts';
import { nixImage } from '../boot/nix-image.ts';

const rounds = process.argv.includes('--short') ? 1 : 3;
const persistence = '/var/home/nix';

type Cost = {
  localFs: number;
  multiUser: number;
  /** The time from start to end of each of Nix's units, summed. */
  units: number;
  /** How often systemd reloaded all units. */
  reloads: number;
};

// Unmasks a unit that the lab masks, so that systemd does what it does after an update only once, as on a real machine,
// and not at every boot.
const unmask = 'RUN rm /etc/systemd/system/systemd-update-done.service';

const units = [
  ...['nix-directory.service', 'nix.mount', 'ensure-symlinked-units-resolve.service', 'nix-install.service'],
  ...['nix-users.service', 'nix-daemon.socket', 'determinate-nixd.socket'],
];

/** The cost of one boot; times are in milliseconds. */
async function measure(guest: RunningGuest): Promise<Cost> {
  await guest.waitForBoot();
  const time = async (unit: string, property: string) =>
    Number(await guest.succeed(`systemctl show --value --property ${property}Monotonic ${unit}`)) / 1000;
  let activation = 0;
  for (const unit of units) {
    const [from, to] = [await time(unit, 'InactiveExitTimestamp'), await time(unit, 'ActiveEnterTimestamp')];
    if (to > 0) activation += to - from;
  }
  return {
    localFs: await time('local-fs.target', 'ActiveEnterTimestamp'),
    multiUser: await time('multi-user.target', 'ActiveEnterTimestamp'),
    units: activation,
    reloads: Number(await guest.succeed('journalctl -b -o cat _PID=1 | grep -c "^Reloading\\.\\.\\.$" || true')),
  };
}

await setup();
const directory = await makeRunDirectory();
try {
  await copyFile(await nixInstaller(), join(directory, 'nix-installer'));
  const containerfile = ['FROM lab-base', unmask, 'COPY nix-installer /usr/bin/nix-installer', 'RUN mkdir /nix', ''];
  const plain = await buildImage({ context: directory, containerfile: containerfile.join('\n') });
  const withNix = await nixImage({ entry: { persistence }, before: [unmask] });

  const diskAfter = async (name: string, work: (boot: RunningGuest) => Promise<RunningGuest>, ...key: string[]) =>
    join(
      await cached('installed', keyOf('boot-cost', plain.key, ...key), async (partial) => {
        const start = name === 'first' ? {} : { disk: first };
        const machine = await makeMachine(name, plain, directory, start);
        try {
          const guest = await work(await machine.boot());
          await guest.waitForBoot();
          await guest.powerOff();
          await machine.copyDisk(join(partial, 'disk.qcow2'));
        } finally {
          await machine.close();
        }
      }),
      'disk.qcow2',
    );
  const first: string = await diskAfter('first', async (guest) => guest);
  const update = async (guest: RunningGuest, image: Image) => {
    await guest.update(image);
    return guest.reboot();
  };
  const disks = {
    "the image's units": await diskAfter(
      'image',
      async (guest) => {
        guest = await update(guest, withNix);
        await waitForNix(guest);
        return guest;
      },
      withNix.key,
    ),
    "the installer's units": await diskAfter(
      'installer',
      async (guest) => {
        guest = await update(guest, plain);
        await guest.succeed(`nix-installer install ostree --no-confirm --persistence ${persistence}`, 600);
        return guest;
      },
      persistence,
    ),
    'no Nix': await diskAfter('none', (guest) => update(guest, plain), 'none'),
  };

  const costs = Object.fromEntries(Object.keys(disks).map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, disk] of Object.entries(disks)) {
      // Each boot starts from the same disk, so that all boots are the same.
      const machine = await makeMachine('boot-cost', plain, directory, { disk });
      try {
        const guest = await machine.boot({ countInstructions: true, limit: 600 });
        costs[name]?.push(await measure(guest));
      } finally {
        await machine.close();
      }
    }
  }
  const least = (name: string, key: keyof Cost) => Math.min(...(costs[name] ?? []).map((cost) => cost[key]));
  const seconds = (name: string, key: keyof Cost) => (least(name, key) / 1000).toFixed(2);
  console.log(`A boot after the first, the least of ${rounds}, in seconds of 4 ns an instruction:`);
  console.table(
    Object.fromEntries(
      Object.keys(disks).map((name) => [
        name,
        {
          'local-fs.target': seconds(name, 'localFs'),
          'multi-user.target': seconds(name, 'multiUser'),
          "Nix's units": seconds(name, 'units'),
          reloads: least(name, 'reloads'),
        },
      ]),
    ),
  );
  const ratio = (key: keyof Cost, to: keyof typeof disks) =>
    (least("the image's units", key) / least(to, key)).toFixed(2);
  console.log(
    `For the README: a boot after the first reached local-fs.target in ${ratio('localFs', 'no Nix')} of the time without ` +
      `Nix and multi-user.target in ${ratio('multiUser', 'no Nix')} (aims: 1.00); beside the installer's units in ` +
      `${ratio('localFs', "the installer's units")} and ${ratio('multiUser', "the installer's units")}; the units that bring ` +
      `Nix took ${ratio('units', "the installer's units")} of the installer's time`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
