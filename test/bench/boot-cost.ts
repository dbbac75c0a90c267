/**
 * What the units cost that bring Nix at a boot after the first: those of the image beside those that the installer
 * itself puts into /etc, on one disk, in one run, by systemd's own accounting in the guest.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../boot/lab/image.ts';
import { makeMachine, type RunningGuest } from '../boot/lab/machine.ts';
import { nixInstaller } from '../boot/lab/nix-installer.ts';
import { setup } from '../boot/lab/prepare.ts';
import { nixImage } from '../boot/nix-image.ts';
import { isShort } from './short.ts';

const boots = isShort ? 1 : 3;
const persistence = '/var/home/nix';

type Cost = {
  /** Milliseconds from the start of each unit's activation to its end, summed. */
  activation: number;
  /** How often systemd read all units again. */
  reloads: number;
  localFs: number;
  multiUser: number;
};

const units = [
  ...['nix-directory.service', 'nix.mount', 'ensure-symlinked-units-resolve.service', 'nix-install.service'],
  ...['nix-daemon.socket', 'determinate-nixd.socket'],
];

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
    activation,
    reloads: Number(await guest.succeed('journalctl -b -o cat _PID=1 | grep -c "^Reloading\\.\\.\\.$" || true')),
    localFs: await time('local-fs.target', 'ActiveEnterTimestamp'),
    multiUser: await time('multi-user.target', 'ActiveEnterTimestamp'),
  };
}

const median = (values: number[]): number => values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;

async function measureBoots(guest: RunningGuest): Promise<[Cost, RunningGuest]> {
  const costs: Cost[] = [];
  for (let boot = 0; boot < boots; boot += 1) {
    guest = await guest.reboot();
    costs.push(await measure(guest));
  }
  const of = (key: keyof Cost) => median(costs.map((cost) => cost[key]));
  const cost = {
    activation: of('activation'),
    reloads: of('reloads'),
    localFs: of('localFs'),
    multiUser: of('multiUser'),
  };
  return [cost, guest];
}

await setup();
const directory = await mkdtemp(join(tmpdir(), 'boot-cost-'));
try {
  await copyFile(await nixInstaller(), join(directory, 'nix-installer'));
  const byHand = await buildImage({
    context: directory,
    containerfile: 'FROM lab-base\nCOPY nix-installer /usr/bin/nix-installer\nRUN mkdir /nix\n',
  });
  const machine = await makeMachine('boot-cost', byHand, directory);
  try {
    let guest = await machine.boot();
    await guest.succeed(`nix-installer install ostree --no-confirm --persistence ${persistence}`, 600);
    let installer: Cost;
    [installer, guest] = await measureBoots(guest);
    await guest.update(await nixImage({ entry: { persistence } }));
    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 200);
    let image: Cost;
    [image, guest] = await measureBoots(guest);
    await guest.powerOff();
    const line = (name: string, { activation, reloads, localFs, multiUser }: Cost) =>
      `${name.padEnd(24)}${activation.toFixed(0).padStart(9)} ms${String(reloads).padStart(10)}` +
      `${localFs.toFixed(0).padStart(12)} ms${multiUser.toFixed(0).padStart(12)} ms`;
    console.log(`A boot after the first, median of ${boots} (software emulation):`);
    console.log(
      `${''.padEnd(24)}${'units'.padStart(12)}${'reloads'.padStart(10)}${'local-fs'.padStart(15)}${'multi-user'.padStart(15)}`,
    );
    console.log(line("the installer's units", installer));
    console.log(line("the image's units", image));
    console.log(`ratio of the units: ${(image.activation / installer.activation).toFixed(2)}`);
  } finally {
    await machine.close();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
