import type { PartMaker } from './part.ts';
import { staticEntries, textEntry, withLine } from './static-files.ts';
import { enabledUnits } from './units.ts';

const timer = '/usr/lib/systemd/system/nix-maintenance.timer';

/** What the machine does for its store by itself, and how often. */
export const maintenance: PartMaker = {
  name: 'maintenance',
  make: ({ maintenance }, files) => {
    if (maintenance === 'off') return { entries: [] };
    const { schedule, olderThan = '', optimise, verify } = maintenance;
    const settings = `older-than=${olderThan}\noptimise=${optimise}\nverify=${verify}\n`;
    return {
      entries: [
        ...withLine(staticEntries(files, 'maintenance'), timer, 'OnCalendar', schedule),
        textEntry('/usr/share/bluebuild/nix/maintenance.conf', settings),
        ...enabledUnits({ 'timers.target': ['nix-maintenance.timer'] }),
      ],
    };
  },
};
