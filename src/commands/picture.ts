import type { Colors } from '../diagnostic/colors.ts';
import type { ImageEntry } from '../plan/image-entry.ts';
import type { Plan } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';

type Folder = { folders: Map<string, Folder>; item: ImageEntry | Step | undefined };

/** A plan, with all its entries, as a tree that a person can read, one line an entry, each ending in a newline. */
export function picture({ parts }: Plan, entries: readonly ImageEntry[], colors: Colors): string {
  const top: Folder = { folders: new Map(), item: undefined };
  for (const item of [...entries, ...parts.flatMap(({ step }) => step ?? [])]) {
    let folder = top;
    for (const name of item.path.split('/').slice(1)) {
      const inner = folder.folders.get(name) ?? { folders: new Map(), item: undefined };
      folder.folders.set(name, inner);
      folder = inner;
    }
    folder.item = item;
  }
  return `/\n${lines(top, '', colors).join('\n')}\n`;
}

function lines(folder: Folder, indent: string, colors: Colors): string[] {
  const inner = [...folder.folders];
  return inner.flatMap(([name, child], index) => {
    const last = index === inner.length - 1;
    // A chain of directories with one entry each takes one line.
    let [label, at] = [name, child];
    while (!at.item && at.folders.size === 1) {
      const [[next, below]] = at.folders as unknown as [[string, Folder]];
      [label, at] = [`${label}/${next}`, below];
    }
    const line = `${indent}${last ? '└── ' : '├── '}${describe(label, at, colors)}`;
    return [line, ...lines(at, `${indent}${last ? '    ' : '│   '}`, colors)];
  });
}

function describe(label: string, { item }: Folder, colors: Colors): string {
  if (!item) return colors.blue(`${label}/`);
  if ('rebuiltBy' in item) return `${label} ${colors.dim(`(rebuilt by ${item.rebuiltBy})`)}`;
  if (item.kind === 'directory') return colors.blue(`${label}/`);
  if (item.kind === 'symlink') return `${colors.cyan(label)} → ${item.target}`;
  const name = item.mode & 0o111 ? colors.green(label) : label;
  return item.kind === 'file'
    ? name
    : `${name} ${colors.dim(`(${item.download.name}, sha256 ${item.download.sha256.slice(0, 12)}…)`)}`;
}
