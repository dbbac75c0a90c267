/**
 * What the hook of `transient-root: initramfs` costs a boot: one machine without it (`karg`) and one with it, booted in
 * turn, without the argument and with it. Prints systemd's own accounting of each boot, in seconds; asserts nothing.
 * `node test/bench/transient-root.ts [ROUNDS]`; root, and what the boot lab needs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { transientRootImage } from '../boot/transient-root-image.ts';
import { makeMachine, type OwnedMachine } from '../boot/lab/machine.ts';
import { setup, teardown } from '../boot/lab/prepare.ts';

const rounds = Number(process.argv[2] ?? 3);
const argument = 'root.transient=true';

/** Seconds from the kernel's start: until the initramfs began, until it had done its work, and until login. */
type Boot = { initramfs: number; local: number; multiUser: number; hook: number };

const boot = async (machine: OwnedMachine, kernelArguments: string[]): Promise<Boot> => {
  const guest = await machine.boot({ kernelArguments, limit: 400 });
  const seconds = async (command: string) => Number(await guest.succeed(command)) / 1e6;
  const manager = (name: string) => seconds(`systemctl show --value --property ${name}TimestampMonotonic`);
  const unit = (name: string) => seconds(`systemctl show --value --property ActiveEnterTimestampMonotonic ${name}`);
  // The journal of the initramfs: how long after its start the service had ended; nothing where it did not run.
  const journal = `journalctl --boot --output=json _PID=1 UNIT=transient-root.service |
    jq --slurp 'map(.__MONOTONIC_TIMESTAMP | tonumber) | if length > 1 then max - min else 0 end'`;
  const measured = {
    initramfs: (await manager('Userspace')) - (await manager('InitRD')),
    local: await unit('local-fs.target'),
    multiUser: await unit('multi-user.target'),
    hook: await seconds(journal),
  };
  await guest.powerOff(300);
  return measured;
};

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

await setup();
const directory = await mkdtemp('/tmp/boot-lab-');
const machines: OwnedMachine[] = [];
try {
  const images = { 'without the hook': 'karg', 'with the hook': 'initramfs' } as const;
  const cases: { name: string; machine: OwnedMachine; kernelArguments: string[]; boots: Boot[] }[] = [];
  for (const [name, value] of Object.entries(images)) {
    const machine = await makeMachine(value, await transientRootImage(value), directory);
    machines.push(machine);
    await boot(machine, []); // the first boot of a machine does more than those after it
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
          (['initramfs', 'local', 'multiUser', 'hook'] as const).map((key) => {
            const values = boots.map((one) => one[key]);
            const range = `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
            return [key, `${mean(values).toFixed(2)} (${range})`];
          }),
        ),
      ]),
    ),
  );
} finally {
  for (const machine of machines) await machine.close();
  await rm(directory, { recursive: true, force: true });
  await teardown();
}
