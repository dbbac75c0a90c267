import { describe, expect, test } from 'vitest';
import { badInput } from './bad-input.ts';
import { diagnosticsOf } from '../support/diagnostics-of.ts';

for (const [group, cases] of Object.entries(badInput)) {
  describe(group, () => {
    for (const one of cases) test(one.name, () => expect(diagnosticsOf(one)).resolves.toEqual(one.says));
  });
}
