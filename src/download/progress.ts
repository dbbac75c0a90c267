import { shown } from './error.ts';
import type { createColors } from 'picocolors';

/** What happens to one download. `bytes` counts from the file's beginning, also where a part was there already. */
export type Progress =
  | { kind: 'start'; name: string; url: string }
  | { kind: 'received'; name: string; bytes: number; total: number | undefined }
  | { kind: 'note'; name: string; text: string }
  | { kind: 'done'; name: string; bytes: number; fromCache: boolean }
  | { kind: 'failed'; name: string };

export type ProgressSink = (progress: Progress) => void;

export type ProgressOptions = {
  write: (text: string) => void;
  colors: ReturnType<typeof createColors>;
  /** Milliseconds that only go forward. */
  now?: () => number;
};

const redrawMilliseconds = 100;

/** For a terminal: one line, drawn again in place. `columns` is asked each time, because windows change. */
export function terminalProgress(options: ProgressOptions & { columns: () => number }): ProgressSink {
  const { write, colors, columns, now = () => performance.now() } = options;
  const pace = measurePace(now);
  let drawnAt = -Infinity;
  return (progress) => {
    pace.see(progress);
    if (progress.kind === 'received') {
      if (now() - drawnAt < redrawMilliseconds) return;
      drawnAt = now();
      const { bytes, total } = progress;
      const parts = [progress.name, ...(total ? [percent(bytes, total)] : []), megabytes(bytes, total), pace.rate()];
      write(`\r${parts.join('  ').slice(0, columns() - 1)}\x1b[K`);
      return;
    }
    write('\r\x1b[K');
    if (progress.kind === 'start') write(`${progress.name}: connecting`.slice(0, columns() - 1));
    if (progress.kind === 'note') write(`${colors.yellow(noteLine(progress))}\n`);
    if (progress.kind === 'done') write(`${colors.green(doneLine(progress, pace))}\n`);
  };
}

/** For a log: a line at the start, at every quarter, and at the end. */
export function logProgress({ write, colors, now = () => performance.now() }: ProgressOptions): ProgressSink {
  const pace = measurePace(now);
  let quarter = 0;
  return (progress) => {
    pace.see(progress);
    if (progress.kind === 'start') {
      quarter = 0;
      write(`${progress.name}: downloading ${shown(progress.url)}\n`);
    }
    if (progress.kind === 'received' && progress.total) {
      const reached = Math.floor((4 * progress.bytes) / progress.total);
      if (reached <= quarter || reached === 4) return;
      quarter = reached;
      write(
        `${progress.name}: ${percent(progress.bytes, progress.total)}, ${megabytes(progress.bytes, progress.total)}\n`,
      );
    }
    if (progress.kind === 'note') write(`${colors.yellow(noteLine(progress))}\n`);
    if (progress.kind === 'done') write(`${colors.green(doneLine(progress, pace))}\n`);
  };
}

type Pace = { see: ProgressSink; rate: () => string; seconds: () => string };

/** How fast bytes come: only those of this run, and again from zero when a download starts over. */
function measurePace(now: () => number): Pace {
  let startedAt = now();
  let since = startedAt;
  let first: number | undefined;
  let last = 0;
  return {
    see: (progress) => {
      if (progress.kind === 'start') {
        startedAt = now();
        first = undefined;
      }
      if (progress.kind !== 'received') return;
      if (first === undefined || progress.bytes < last) {
        first = progress.bytes;
        since = now();
      }
      last = progress.bytes;
    },
    rate: () => {
      const seconds = (now() - since) / 1000;
      return seconds > 0 ? `${((last - (first ?? 0)) / 1e6 / seconds).toFixed(1)} MB/s` : '';
    },
    seconds: () => `${((now() - startedAt) / 1000).toFixed(1)} s`,
  };
}

const percent = (bytes: number, total: number): string => `${Math.floor((100 * bytes) / total)} %`;

const megabytes = (bytes: number, total?: number): string =>
  total ? `${(bytes / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB` : `${(bytes / 1e6).toFixed(1)} MB`;

const noteLine = ({ name, text }: Extract<Progress, { kind: 'note' }>): string => `${name}: ${text}`;

function doneLine({ name, bytes, fromCache }: Extract<Progress, { kind: 'done' }>, pace: Pace): string {
  if (fromCache) return `${name}: ${megabytes(bytes)} from the cache, digest checked`;
  return `${name}: ${megabytes(bytes)} in ${pace.seconds()}, digest checked`;
}
