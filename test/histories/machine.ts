/** A machine as a history sees it: `driver.sh` while it is off, `booted.sh` while it is on. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Images } from './images.ts';

export type Machine = {
  /** Runs a command; gives the lines of its answer. */
  ask: (...words: string[]) => Promise<string[]>;
  end: () => void;
};

const end = '=END';

/** Starts the driver in a mount namespace of its own. One driver serves many histories. */
export function startMachine(work: string, images: Images): Machine {
  fs.mkdirSync(work, { recursive: true });
  const driver = join(import.meta.dirname, 'driver.sh');
  const child: ChildProcess = spawn('unshare', ['--mount', '--propagation', 'private', driver, work, images.standIns], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr?.on('data', (data) => (complaint += String(data)));
  let lines: string[] = [];
  let waiting: { resolve: (lines: string[]) => void; reject: (error: Error) => void } | undefined;
  if (!child.stdout || !child.stdin) throw new Error('a driver without pipes');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line !== end) {
      lines.push(line);
      return;
    }
    const answer = lines;
    lines = [];
    if (complaint !== '') {
      waiting?.reject(new Error(`the driver complains: ${complaint}`));
      complaint = '';
    } else {
      waiting?.resolve(answer);
    }
    waiting = undefined;
  });
  let gone: Error | undefined;
  child.on('close', (code) => {
    gone = new Error(`the driver ended with ${code}: ${complaint}${lines.join('\n')}`);
    waiting?.reject(gone);
  });
  const { stdin } = child;
  return {
    ask: (...words) =>
      new Promise((resolve, reject) => {
        if (gone) throw gone;
        waiting = { resolve, reject };
        stdin.write(`${words.join(' ')}\n`);
      }),
    end: () => stdin.end(),
  };
}
