import type { Colors } from 'picocolors/types.js';
import pc from 'picocolors';

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
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      // `bluebuild-nix plan | head`: whoever read it has seen enough; what is under way is finished.
      if (cause.code !== 'EPIPE') throw cause;
    });
  }
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    outColors: pc.createColors(wantsColor(process.stdout)),
    errColors: pc.createColors(wantsColor(process.stderr)),
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 80,
  };
}

// https://no-color.org and https://force-color.org; picocolors' own rule also colours every CI log.
function wantsColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}
