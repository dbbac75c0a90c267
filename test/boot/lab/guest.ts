import type { CommandResult } from './control-channel.ts';
import type { Qemu } from './qemu.ts';
import { waitUntil } from './wait.ts';

/** A unit's state in systemd's own terms: the properties that decide when a wait for it ends. */
export type UnitStatus = {
  activeState: string;
  subState: string;
  result: string;
  /** Whether the start conditions held when they were last checked. */
  conditionResult: boolean;
};

/** A booted machine, through its root shell. All limits are in seconds of the host's clock. */
export type Guest = {
  /** Runs a bash command as root; never throws for an exit code. */
  run: (command: string, limit?: number) => Promise<CommandResult>;
  /** Runs a bash command as root and gives its standard output without the last newline; throws unless it exits 0. */
  succeed: (command: string, limit?: number) => Promise<string>;
  /** Runs a command in a login shell of the user, as if they had just logged in. */
  runAs: (user: string, command: string, limit?: number) => Promise<CommandResult>;
  /** Waits until the command exits 0 and gives its standard output; throws with its last output at the limit. */
  waitFor: (condition: string, limit: number) => Promise<string>;
  /** Waits until a unit is active; throws at once, with its status and journal, when it has failed. */
  waitForUnit: (unit: string, limit: number) => Promise<void>;
  /** Waits until a unit has been started, skipped or failed and has no job left; for units that end by themselves. */
  waitForUnitToSettle: (unit: string, limit: number) => Promise<UnitStatus>;
  /** Waits until the boot is over and no job is left. Gives the output of `systemctl is-system-running`. */
  waitForBoot: (limit?: number) => Promise<string>;
  /** Writes a file in the guest as root, with mode 0644 by default. */
  write: (path: string, contents: string, mode?: string) => Promise<void>;
};

const defaultLimit = 60;

// How long an attempt that began within its limit may take in an emulated guest.
const graceSeconds = 60;

// Waits half a second without starting a process: reads from a pipe that nothing is written to.
const pause = 'exec 9<> <(:); pause() { read -r -t 0.5 -u 9 || :; }';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The guest of a running QEMU. */
export const guestOf = (qemu: Qemu): Guest => {
  const run: Guest['run'] = (command, limit = defaultLimit) => qemu.control.run(command, limit);

  const succeed: Guest['succeed'] = async (command, limit = defaultLimit) => {
    const { code, stdout, stderr } = await run(command, limit);
    if (code === 0) return stdout.replace(/\n$/, '');
    const why = code === 124 ? `did not end within ${limit} s` : `exited with ${code}`;
    throw new Error(`in the guest, \`${command}\` ${why}:\n${stdout}${stderr}`);
  };

  // The loop runs in the guest, because each request from the host would cost it a dozen processes.
  const waitFor: Guest['waitFor'] = async (condition, limit) => {
    const { code, stdout, stderr } = await run(
      `${pause}
       until output=$(exec 2>"$0.last"
         ${condition}
       ); do
         code=$?
         if [ "$SECONDS" -ge ${Math.ceil(limit)} ]; then printf '%s\\n' "$output"; cat "$0.last" >&2; exit "$code"; fi
         pause
       done
       printf %s "$output"`,
      limit + graceSeconds,
    );
    if (code === 0) return stdout;
    throw new Error(
      `waited ${limit} s in vain for \`${condition}\` in the guest; it last exited with ${code}:\n${stdout}${stderr}`,
    );
  };

  const properties = async (unit: string): Promise<Record<string, string>> => {
    const names =
      'ActiveState,SubState,Result,ConditionResult,ConditionTimestampMonotonic,InactiveEnterTimestampMonotonic,Job,LoadState';
    const text = await succeed(`systemctl show --property=${names} ${quoted(unit)}`);
    return Object.fromEntries(
      text.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
    );
  };

  const settledStatus = async (unit: string): Promise<UnitStatus | undefined> => {
    const shown = await properties(unit);
    if (shown['LoadState'] !== 'loaded') throw new Error(`the guest has no usable unit ${unit}: ${shown['LoadState']}`);
    const activeState = shown['ActiveState'] ?? '';
    const wasStarted =
      ['active', 'failed'].includes(activeState) ||
      shown['InactiveEnterTimestampMonotonic'] !== '0' ||
      (shown['ConditionResult'] === 'no' && shown['ConditionTimestampMonotonic'] !== '0');
    const hasJob = shown['Job'] !== undefined && !['', '0'].includes(shown['Job']);
    if (!wasStarted || hasJob || activeState.endsWith('ing')) return undefined;
    return {
      activeState,
      subState: shown['SubState'] ?? '',
      result: shown['Result'] ?? '',
      conditionResult: shown['ConditionResult'] === 'yes',
    };
  };

  const waitForUnitToSettle: Guest['waitForUnitToSettle'] = (unit, limit) =>
    waitUntil(`${unit} to settle`, limit, () => settledStatus(unit), 1);

  const waitForUnit: Guest['waitForUnit'] = async (unit, limit) => {
    const state = `systemctl show --value --property=ActiveState ${quoted(unit)}`;
    const ended = await waitFor(
      `state=$(${state}); case $state in active | failed) echo "$state" ;; *) exit 1 ;; esac`,
      limit,
    );
    if (ended === 'active') return;
    const { stdout } = await run(`systemctl status --no-pager --lines=50 ${quoted(unit)}`);
    throw new Error(`${unit} failed in the guest:\n${stdout}`);
  };

  return {
    run,
    succeed,
    runAs: (user, command, limit) => run(`runuser --login ${quoted(user)} --command ${quoted(command)}`, limit),
    waitFor,
    waitForUnit,
    waitForUnitToSettle,
    waitForBoot: async (limit = 180) => (await run('systemctl is-system-running --wait', limit)).stdout.trim(),
    write: async (path, contents, mode = '0644') => {
      const encoded = Buffer.from(contents).toString('base64');
      await succeed(
        `mkdir -p "$(dirname ${quoted(path)})" && base64 -d <<<${encoded} >${quoted(path)} && chmod ${mode} ${quoted(path)}`,
      );
    },
  };
};
