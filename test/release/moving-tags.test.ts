import { expect, test } from 'vitest';
import { movingTags } from '../../modules/release/registry.ts';

test.each([
  ['1.0.0', [], ['1.0', 'v1', 'latest']],
  ['1.2.3', ['1.2.2', '1.1.9'], ['1.2', 'v1', 'latest']],
  ['1.1.9', ['1.2.0', '1.1.8'], ['1.1']],
  ['1.2.3', ['2.0.0'], ['1.2', 'v1']],
  ['1.2.3', ['1.2.10'], []],
  ['1.2.3', ['1.2.3', '1.3.0-rc.1'], ['1.2', 'v1', 'latest']],
  ['1.3.0-rc.1', ['1.2.3'], []],
])('%s, where %j are out, takes over %j', (version, out, taken) => {
  expect(movingTags(version, out)).toEqual(taken);
});
