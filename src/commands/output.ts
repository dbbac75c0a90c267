import { fstatSync, writeSync } from 'node:fs';
import { type Colors, colorsWhere } from '../diagnostic/colors.ts';

/** Where a command writes: results to `out`, everything else to `err`. */
export type Output = {
  out: (text: string) => void;
  err: (text: string) => void;
  outColors: Colors;
  errColors: Colors;
  /** Whether `err` is a terminal on which a line can be drawn again. */
  isTerminal: boolean;
  columns: () => number;
};

/** The process's own output. Colour only on a terminal, or where FORCE_COLOR (BlueBuild sets it) asks for it. */
export function processOutput(): Output {
  return {
    out: (text) => write('stdout', text),
    err: (text) => write('stderr', text),
    get outColors() {
      return colorsWhere(wantsColor('stdout'));
    },
    get errColors() {
      return colorsWhere(wantsColor('stderr'));
    },
    get isTerminal() {
      return isTerminal('stderr');
    },
    columns: () => process.stderr.columns ?? 80,
  };
}

type Name = 'stdout' | 'stderr';
const descriptors = { stdout: 1, stderr: 2 };
const streams = new Set<Name>();

/** Without Node's streams, which take a sixth of its start to load, unless a pipe that does not block is full. */
function write(name: Name, text: string): void {
  let bytes = Buffer.from(text);
  if (streams.has(name)) return void process[name].write(bytes);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(descriptors[name], bytes));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // `bluebuild-nix plan | head`: the reader has seen enough, and the command still finishes its work.
    if (code === 'EPIPE') return;
    if (code !== 'EAGAIN') throw cause;
    streams.add(name);
    process[name].on('error', (later: NodeJS.ErrnoException) => {
      if (later.code !== 'EPIPE') throw later;
    });
    process[name].write(bytes);
  }
}

function isTerminal(name: Name): boolean {
  return fstatSync(descriptors[name]).isCharacterDevice() && process[name].isTTY;
}

// https://no-color.org and https://force-color.org.
function wantsColor(name: Name): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return TERM !== 'dumb' && isTerminal(name);
}
