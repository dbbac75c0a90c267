import { join } from 'node:path';
import { execa } from 'execa';
import type { ControlChannel } from './control-channel.ts';
import { openControlChannel } from './control-channel.ts';
import type { Monitor } from './qemu-monitor.ts';
import { openMonitor } from './qemu-monitor.ts';
import { waitUntil } from './wait.ts';

/** What QEMU is started with. */
export type QemuOptions = {
  /**
   * For the sockets and the console log; its path must be short, because a unix socket's path is limited to 108 bytes.
   */
  directory: string;
  /** The name of the console log in the directory. */
  console: string;
  disk: string;
  secondDisk?: string;
  kernel: string;
  initrd: string;
  kernelArguments: string;
  memoryMegabytes: number;
  /** `none`, or QEMU's user-mode network, with the loopback of this machine or of another process at 10.0.2.2. */
  network: 'none' | 'host' | { ofProcess: number };
  /** The clock at start: `utc`, or a date such as `1970-01-01T00:00:00`. */
  clock: string;
  /** See `BootOptions`. */
  countInstructions: boolean;
  /** A file from `saveState`, to continue from instead of booting. All other options must be the same as then. */
  resumeFrom?: string;
};

/** A running QEMU. */
export type Qemu = {
  control: ControlChannel;
  monitor: Monitor;
  /** Settles when QEMU has ended, with what it wrote to its standard error. */
  ended: Promise<string>;
  isRunning: () => boolean;
  /** As if the plug were pulled. */
  kill: () => Promise<void>;
  /** Writes the running machine to a file and ends QEMU; the disk then belongs to that state and must stay as it is. */
  saveState: (file: string) => Promise<void>;
  /** Leaves the disk's file as it is now, with all that the guest has written so far; later writes go to `overlay`. */
  leaveDisk: (overlay: string) => Promise<void>;
};

// In a PCI slot after all others, so that the first disk stays vda.
const secondDrive = (secondDisk: string): string[] => [
  ...['-drive', `file=${secondDisk},format=qcow2,if=none,id=second,cache=writeback`],
  ...['-device', 'virtio-blk-pci,drive=second,serial=second,addr=0x1e'],
];

/** Starts QEMU; settles as soon as it runs, not when the guest is up. */
export const startQemu = async (options: QemuOptions): Promise<Qemu> => {
  const { directory } = options;
  const monitorSocket = join(directory, 'monitor');
  const controlSocket = join(directory, 'control');
  const networkArguments =
    options.network === 'none' ? ['-nic', 'none'] : ['-nic', 'user,model=virtio-net-pci,restrict=off,ipv6=off'];
  const inNetwork =
    typeof options.network === 'string' ? [] : ['nsenter', `--net=/proc/${options.network.ofProcess}/ns/net`];
  const qemu = execa(
    'setpriv',
    [
      // The guest ends with the test run, however that ends.
      ...['--pdeathsig', 'KILL', ...inNetwork],
      ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none'],
      // One thread for both CPUs: two machines at once then need a fifth less of two cores, and no CPU runs kernel code
      // that the kernel has only half patched, which crashed some boots (`Oops: int3`).
      ...['-no-reboot', '-machine', 'pc,usb=off', '-accel', 'tcg,thread=single,tb-size=512', '-cpu', 'Nehalem,+rdrand'],
      ...['-m', String(options.memoryMegabytes), '-smp', '2', '-rtc', `base=${options.clock},clock=host`],
      ...['-kernel', options.kernel, '-initrd', options.initrd, '-append', options.kernelArguments],
      ...['-drive', `file=${options.disk},format=qcow2,if=virtio,cache=writeback,discard=unmap`],
      ...(options.secondDisk === undefined ? [] : secondDrive(options.secondDisk)),
      ...['-chardev', `file,id=console,path=${join(directory, options.console)}`, '-serial', 'chardev:console'],
      ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=control,path=${controlSocket},server=on,wait=off`],
      ...['-device', 'virtserialport,chardev=control,name=lab.control'],
      ...['-device', 'virtio-rng-pci'],
      ...['-qmp', `unix:${monitorSocket},server=on,wait=off`],
      ...networkArguments,
      ...(options.countInstructions ? ['-icount', 'shift=2'] : []),
      ...(options.resumeFrom === undefined ? [] : ['-incoming', `exec:cat '${options.resumeFrom}'`]),
    ],
    { reject: false, stdin: 'ignore' },
  );
  let running = true;
  const ended = qemu.then((result) => {
    running = false;
    return result.stderr;
  });
  const failed = async (error: unknown): Promise<never> => {
    qemu.kill('SIGKILL');
    throw new Error(`QEMU did not start: ${String(error)}\n${await ended}`, { cause: error });
  };
  const monitor = await openMonitor(monitorSocket, () => running).catch(failed);
  const control = await openControlChannel(controlSocket, options.resumeFrom !== undefined).catch(failed);
  if (options.resumeFrom !== undefined) {
    await waitUntil('QEMU to take up the saved state', 60, async () => {
      const { status } = (await monitor.execute('query-status')) as { status: string };
      return status === 'inmigrate' ? undefined : true;
    }).catch(failed);
    await monitor.execute('cont'); // it was stopped before it was saved
  }

  const close = async (): Promise<void> => {
    await ended;
    monitor.close();
    control.close();
  };
  void close();
  return {
    control,
    monitor,
    ended,
    isRunning: () => running,
    kill: async () => {
      qemu.kill('SIGKILL');
      await ended;
    },
    saveState: async (file) => {
      await monitor.execute('stop');
      await monitor.execute('migrate-set-parameters', { 'max-bandwidth': 10_000_000_000 });
      await monitor.execute('migrate', { uri: `exec:cat > '${file}'` });
      await waitUntil('QEMU to write the state of the machine', 120, async () => {
        const { status, 'error-desc': reason } = (await monitor.execute('query-migrate')) as Record<string, string>;
        if (status === 'failed') throw new Error(`QEMU could not save the state of the machine: ${reason}`);
        return status === 'completed' ? true : undefined;
      });
      await monitor.execute('quit').catch(() => {});
      await ended;
    },
    leaveDisk: async (overlay) => {
      await monitor.execute('blockdev-snapshot-sync', {
        device: 'virtio0', // QEMU's name for the first `-drive if=virtio`
        'snapshot-file': overlay,
        format: 'qcow2',
      });
    },
  };
};
