import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Backend } from './backend.ts';
import { deploying, varOf } from './backend.ts';
import { bootFilesOf } from './disk-contents.ts';
import { diskOf } from './disk.ts';
import type { Guest } from './guest.ts';
import { guestOf } from './guest.ts';
import type { Image } from './image.ts';
import { readJournal } from './journal.ts';
import type { Qemu, QemuOptions } from './qemu.ts';
import { startQemu } from './qemu.ts';
import { waitUntil, within } from './wait.ts';

/** How a machine is switched on. */
export type BootOptions = {
  /** Added to those of the boot entry for this boot only, as if typed at the boot menu. */
  kernelArguments?: string[];
  /**
   * `host`: the guest reaches the host's loopback at 10.0.2.2; `ofProcess`: that of another process. Default `none`.
   */
  network?: QemuOptions['network'];
  /** The hardware clock at power on: `utc` (default) or a date such as `1970-01-01T00:00:00`. */
  clock?: string;
  /**
   * The guest's clock counts the instructions that it executes (4 ns each; its waits take real time), so that it
   * measures the same on a busy host as on an idle one. The guest is half as fast.
   */
  countInstructions?: boolean;
  /** The second disk is unplugged for this boot. */
  withoutSecondDisk?: boolean;
  /**
   * When `boot` settles: as soon as this unit is active (default `multi-user.target`), or with `control` as soon as the
   * control service answers, which is before local-fs.target.
   */
  until?: string;
  /** Seconds that this may take; default 240, for a host that is busy with other work. */
  limit?: number;
};

/** A machine that is on. */
export type RunningGuest = Guest & {
  /** Shuts down as a user would, and settles when the machine is off. */
  powerOff: (limit?: number) => Promise<void>;
  /** Shuts down and switches on again. */
  reboot: (options?: BootOptions) => Promise<RunningGuest>;
  /** Pulls the plug: what the guest has not synced may be lost. */
  cutPower: () => Promise<void>;
  /** The disk as pulling the plug now would leave it, for another machine's `disk`; this machine keeps running. */
  diskAfterPowerCut: () => Promise<string>;
  /** Freezes the machine where it is and ends it; `machine.resume` continues from there, as often as wanted. */
  saveState: () => Promise<SavedState>;
  /**
   * Deploys another image beside the booted one, as an update does (three-way merge of /etc, kernel arguments taken over);
   * it is what boots next.
   */
  update: (image: Image) => Promise<void>;
  /** Makes the deployment before the default one the default for the next boot. */
  rollBack: () => Promise<void>;
};

/** A machine's memory and disk at one moment. */
export type SavedState = { memory: string; disk: string; options: QemuOptions };

/** A computer with a disk made from an image. It keeps that disk for life, and is on or off. */
export type Machine = {
  /** Switches it on, and settles when it has booted as far as `until` says; else throws with the end of the console. */
  boot: (options?: BootOptions) => Promise<RunningGuest>;
  /** Discards the machine's current state and continues from a saved one. */
  resume: (state: SavedState) => Promise<RunningGuest>;
  /** Writes the machine's disk to a file that another machine can use as its `disk`; throws if the machine is on. */
  copyDisk: (to: string) => Promise<void>;
};

/** What a machine is made of. */
export type MachineOptions = {
  /** As truncate(1) takes it; default 6G. */
  diskSize?: string;
  memoryMegabytes?: number;
  /** A file from `copyDisk` or `diskAfterPowerCut`, instead of a disk with a newly deployed image. It is only read. */
  disk?: string;
  /**
   * The size of a second disk, which is /dev/disk/by-id/virtio-second. It is empty at first and keeps its contents for
   * the machine's whole life, but is not part of `saveState` and `diskAfterPowerCut`. Default none.
   */
  secondDiskSize?: string;
  /** What deploys and boots its images; default `ostree`. */
  backend?: Backend;
};

/** A machine as its owner sees it: with what is needed to remove it and to explain a failure. */
export type OwnedMachine = Machine & {
  /**
   * Writes console and journal of the last boot to files below `directory`, and with `KEEP_MACHINES` in the environment
   * the disk too, as pulling the plug leaves it; gives the last lines of the journal.
   */
  keepEvidence: (directory: string) => Promise<string>;
  close: () => Promise<void>;
};

// `rd.emergency` and `panic`: a boot that fails in the initramfs ends at once instead of waiting for a person.
// `mitigations`: they are expensive and protect nothing here. `TERM`: keeps the console log readable.
// `norandmaps`: QEMU before version 8 translates a library again for each address at which it is mapped.
// `no_timer_check`: on a busy host the emulated timer is late, and the kernel takes that for a broken timer.
const labKernelArguments = [
  ...['quiet', 'mitigations=off', 'rd.shell=0', 'rd.emergency=poweroff', 'panic=-1', 'norandmaps', 'no_timer_check'],
  ...['systemd.tty.term.ttyS0=dumb', 'TERM=dumb'],
];

const tailOf = (text: string, lines: number): string => text.trimEnd().split('\n').slice(-lines).join('\n');

/** A new machine whose disk is an overlay of the image's own; its files are below `parent`. */
export const makeMachine = async (
  name: string,
  image: Image,
  parent: string,
  options: MachineOptions = {},
): Promise<OwnedMachine> => {
  const directory = await mkdtemp(join(parent, 'm'));
  const backend = options.backend ?? 'ostree';
  let layers = 0;
  let boots = 0;
  let disk = '';
  let current: { qemu: Qemu; options: QemuOptions } | undefined;
  const layOver = async (backing: string, format: 'raw' | 'qcow2'): Promise<void> => {
    disk = join(directory, `disk-${layers++}.qcow2`);
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', format, '-b', backing, disk]);
  };
  if (options.disk === undefined) await layOver(await diskOf(image, options.diskSize, backend), 'raw');
  else await layOver(options.disk, 'qcow2');
  const secondDisk = join(directory, 'second.qcow2');
  if (options.secondDiskSize !== undefined)
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', secondDisk, options.secondDiskSize]);

  const consoleTail = async (file: string): Promise<string> =>
    existsSync(join(directory, file)) ? tailOf(await readFile(join(directory, file), 'utf8'), 40) : '';

  const start = async (qemuOptions: QemuOptions, until: string, limit: number): Promise<RunningGuest> => {
    const qemu = await startQemu(qemuOptions);
    current = { qemu, options: qemuOptions };
    const started = performance.now();
    try {
      await within(limit, 'no answer from the guest', qemu.control.ready);
      const guest = running(qemu, qemuOptions);
      if (until !== 'control') await guest.waitForUnit(until, limit - (performance.now() - started) / 1000);
      return guest;
    } catch (error) {
      const shown = await consoleTail(qemuOptions.console);
      throw new Error(`${name} did not boot: ${String(error)}\nThe end of its console:\n${shown}`, { cause: error });
    }
  };

  const boot: Machine['boot'] = async (bootOptions = {}) => {
    if (current?.qemu.isRunning() === true) throw new Error(`${name} is already on`);
    boots += 1;
    const files = await bootFilesOf(disk, join(directory, 'boot-files'));
    const network = bootOptions.network ?? 'none';
    const kernelArguments = [
      files.options,
      ...labKernelArguments,
      ...(network === 'none' ? [] : ['lab.network']),
      ...(bootOptions.kernelArguments ?? []),
    ];
    return start(
      {
        directory,
        console: `console-${boots}.log`,
        disk,
        ...(options.secondDiskSize !== undefined && bootOptions.withoutSecondDisk !== true && { secondDisk }),
        kernel: files.kernel,
        initrd: files.initrd,
        kernelArguments: kernelArguments.join(' '),
        memoryMegabytes: options.memoryMegabytes ?? 1536,
        network,
        clock: bootOptions.clock ?? 'utc',
        countInstructions: bootOptions.countInstructions ?? false,
      },
      bootOptions.until ?? 'multi-user.target',
      bootOptions.limit ?? 240,
    );
  };

  const running = (qemu: Qemu, qemuOptions: QemuOptions): RunningGuest => {
    const guest = guestOf(qemu);
    const powerOff: RunningGuest['powerOff'] = async (limit = 90) => {
      // If the shutdown is quick, the answer may not arrive; what counts is that QEMU ends.
      const asked = await guest.run('systemctl poweroff --no-block').catch(() => undefined);
      if (asked !== undefined && asked.code !== 0) throw new Error(`${name} refused to switch off: ${asked.stderr}`);
      await within(limit, `${name} did not switch off`, qemu.ended);
    };
    return {
      ...guest,
      powerOff,
      reboot: async (bootOptions) => {
        await powerOff();
        return boot(bootOptions);
      },
      cutPower: () => qemu.kill(),
      diskAfterPowerCut: async () => {
        const left = disk;
        disk = join(directory, `disk-${layers++}.qcow2`);
        await qemu.leaveDisk(disk);
        return left;
      },
      saveState: async () => {
        const memory = join(directory, `state-${layers}`);
        await qemu.saveState(memory);
        const state = { memory, disk, options: qemuOptions };
        await layOver(disk, 'qcow2');
        return state;
      },
      update: async (to) => {
        const id = `update${Math.floor(performance.now())}`;
        const source = await diskOf(to, options.diskSize, backend);
        await qemu.monitor.execute('blockdev-add', {
          driver: 'raw',
          'node-name': id,
          'read-only': true,
          file: { driver: 'file', filename: source, locking: 'off', 'read-only': true },
        });
        await qemu.monitor.execute('device_add', { driver: 'virtio-blk-pci', id, drive: id, serial: id });
        const device = `/dev/disk/by-id/virtio-${id}`;
        await guest.waitFor(`test -b ${device}`, 30);
        await guest.succeed(deploying[backend].update(device), 300);
        await qemu.monitor.execute('device_del', { id });
      },
      rollBack: async () => {
        await guest.succeed(deploying[backend].rollBack, 120);
      },
    };
  };

  return {
    boot,
    resume: async (state) => {
      if (current?.qemu.isRunning() === true) await current.qemu.kill();
      await layOver(state.disk, 'qcow2');
      boots += 1;
      const { resumeFrom: _, ...optionsThen } = state.options;
      return start({ ...optionsThen, disk, console: `console-${boots}.log`, resumeFrom: state.memory }, 'control', 60);
    },
    copyDisk: async (to) => {
      if (current?.qemu.isRunning() === true) throw new Error(`${name} is on`);
      await execa('qemu-img', ['convert', '-q', '-O', 'qcow2', disk, to]);
    },
    keepEvidence: async (keepIn) => {
      if (boots === 0) return '';
      const console = `console-${boots}.log`;
      if (existsSync(join(directory, console)))
        await copyFile(join(directory, console), join(keepIn, `${name}-${console}`));
      const journal = await readJournal(
        current?.qemu,
        disk,
        varOf[backend],
        join(directory, 'journal'),
        join(keepIn, `${name}-journal.log`),
      );
      const shown = `${name}, boot ${boots}:\n${tailOf(journal, 40) || (await consoleTail(console))}`;
      if (process.env['KEEP_MACHINES'] === undefined) return shown;
      if (current?.qemu.isRunning() === true) await current.qemu.kill();
      const kept = join(keepIn, `${name}.qcow2`);
      await execa('qemu-img', ['convert', '-q', '-O', 'qcow2', disk, kept]);
      return `${shown}\nTo look into it: npx node test/boot/look.ts ${kept}`;
    },
    close: async () => {
      if (current?.qemu.isRunning() === true) await current.qemu.kill();
      await waitUntil('QEMU to end', 20, async () => (current?.qemu.isRunning() === true ? undefined : true));
      await rm(directory, { recursive: true, force: true });
    },
  };
};
