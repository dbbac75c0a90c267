import type { Colors } from 'picocolors/types.js';
import type { ImageEntry, Plan } from '../plan/image-entry.ts';
import type { Step } from '../plan/step.ts';

type Folder = { folders: Map<string, Folder>; entry: ImageEntry | Step | undefined };

/** A plan as a tree that a person can read, one line an entry, each ending in a newline. */
export function picture(plan: Plan, colors: Colors): string {
  const top: Folder = { folders: new Map(), entry: undefined };
  for (const entry of [...plan.entries, ...plan.steps]) {
    let folder = top;
    for (const name of entry.path.split('/').slice(1)) {
      const inner = folder.folders.get(name) ?? { folders: new Map(), entry: undefined };
      folder.folders.set(name, inner);
      folder = inner;
    }
    folder.entry = entry;
  }
  return `/\n${lines(top, '', colors).join('\n')}\n`;
}

function lines(folder: Folder, indent: string, colors: Colors): string[] {
  const inner = [...folder.folders];
  return inner.flatMap(([name, child], index) => {
    const last = index === inner.length - 1;
    // A chain of directories with one entry each takes one line.
    let [label, at] = [name, child];
    while (!at.entry && at.folders.size === 1) {
      const [[next, below]] = at.folders as unknown as [[string, Folder]];
      [label, at] = [`${label}/${next}`, below];
    }
    const line = `${indent}${last ? '└── ' : '├── '}${describe(label, at, colors)}`;
    return [line, ...lines(at, `${indent}${last ? '    ' : '│   '}`, colors)];
  });
}

function describe(label: string, { entry }: Folder, colors: Colors): string {
  if (!entry) return colors.blue(`${label}/`);
  if (entry.kind === 'directory') return colors.blue(`${label}/`);
  if (entry.kind === 'symlink') return `${colors.cyan(label)} → ${entry.target}`;
  if (entry.kind === 'initramfs') return `${label} ${colors.dim('(rebuilt by the dracut of the image)')}`;
  if (entry.kind === 'selinux') {
    return `${label} ${colors.dim(`(rebuilt by the semodule of the image${entry.needed ? '' : ', if it has a policy'})`)}`;
  }
  const name = entry.mode & 0o111 ? colors.green(label) : label;
  return entry.kind === 'file'
    ? name
    : `${name} ${colors.dim(`(${entry.download.name}, sha256 ${entry.download.sha256.slice(0, 12)}…)`)}`;
}
