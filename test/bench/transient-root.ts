/**
 * What the hook of `transient-root: initramfs` costs a boot: one machine without the hook (`karg`) and one with it are
 * booted in turn, without the argument and with it. Prints systemd's own times of each boot, in seconds of a clock that
 * counts instructions, so other load on the host hardly affects them. Asserts nothing.
 * `node test/bench/transient-root.ts [--short]`; needs root and what the boot lab needs.
 */
import { rm } from 'node:fs/promises';
import { makeRunDirectory } from '../boot/lab/cache.ts';
import { transientRootImage } from '../boot/transient-root-image.ts';
import { makeMachine, type OwnedMachine } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';

const rounds = process.argv.includes('--short') ? 1 : 3;
const argument = 'root.transient=true';

/**
 * Microseconds of one boot. `hook`: from its start to its end, by the journal. `window`: from when the disk is mounted
 * until ostree starts to work on it, which is when the hook runs; other activity of the machine affects this least.
 */
type Boot = { hook: number; window: number; initramfs: number; multiUser: number };
const columns = ['hook', 'window', 'initramfs', 'multiUser'] as const;

const boot = async (machine: OwnedMachine, kernelArguments: string[]): Promise<Boot> => {
  const guest = await machine.boot({ kernelArguments, countInstructions: true, limit: 600 });
  const microseconds = async (command: string) => Number(await guest.succeed(command));
  const manager = (name: string) => microseconds(`systemctl show --value --property ${name}TimestampMonotonic`);
  /** When systemd logged this about a unit in the initramfs, in microseconds; 0 if it never did. */
  const said = async (unit: string, word: string) =>
    microseconds(
      `journalctl --boot --output=json _PID=1 UNIT=${unit} |
         jq --slurp '[.[] | select(.MESSAGE | startswith("${word} ")) | .__MONOTONIC_TIMESTAMP | tonumber][0] // 0'`,
    );
  const [begin, end] = [
    await said('transient-root.service', 'Starting'),
    await said('transient-root.service', 'Finished'),
  ];
  const mounted = await said('sysroot.mount', 'Mounted');
  const measured = {
    hook: end - begin,
    window: (await said('ostree-prepare-root.service', 'Starting')) - mounted,
    initramfs: (await manager('Userspace')) - (await manager('InitRD')),
    multiUser: await microseconds('systemctl show --value --property ActiveEnterTimestampMonotonic multi-user.target'),
  };
  await guest.powerOff(300);
  return measured;
};

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

await setup();
const directory = await makeRunDirectory();
const machines: OwnedMachine[] = [];
try {
  const images = { 'without the hook': 'karg', 'with the hook': 'initramfs' } as const;
  const cases: { name: string; machine: OwnedMachine; kernelArguments: string[]; boots: Boot[] }[] = [];
  for (const [name, value] of Object.entries(images)) {
    const machine = await makeMachine(value, await transientRootImage(value), directory);
    machines.push(machine);
    await boot(machine, []); // the first boot of a machine does more than later ones
    cases.push({ name, machine, kernelArguments: [], boots: [] });
    cases.push({ name: `${name}, ${argument}`, machine, kernelArguments: [argument], boots: [] });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const one of cases) one.boots.push(await boot(one.machine, one.kernelArguments));
  }
  console.table(
    Object.fromEntries(
      cases.map(({ name, boots }) => [
        name,
        Object.fromEntries(
          columns.map((key) => {
            const values = boots.map((one) => one[key] / 1e6);
            const range = `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
            return [key, `${mean(values).toFixed(2)} (${range})`];
          }),
        ),
      ]),
    ),
  );
  const cost = (suffix: string, key: keyof Boot) => {
    const of = (name: string) =>
      mean(cases.find((one) => one.name === `${name}${suffix}`)?.boots.map((b) => b[key]) ?? []);
    return ((of('with the hook') - of('without the hook')) / 1e6).toFixed(2);
  };
  const whole = (mean(cases[0]?.boots.map(({ multiUser }) => multiUser) ?? []) / 1e6).toFixed(0);
  console.log(
    `For the README: without the argument the hook costs a boot ${cost('', 'window')} s, with it ` +
      `${cost(`, ${argument}`, 'window')} s, of an emulated boot of ${whole} s`,
  );
} finally {
  for (const machine of machines) await machine.close();
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
