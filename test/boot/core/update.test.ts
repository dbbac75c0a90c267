import { scenario } from '../lab/scenario.ts';
import { updates } from '../update.ts';

for (const [name, run] of Object.entries(updates)) scenario(name, run, 1500);
