#!/usr/bin/env node
// In words that any Node reads, however old: which Node the program needs. Then the program.
/* oxlint-disable */
'use strict';

var needed = require('./package.json').engines.node.replace('>=', '');
var wanted = needed.split('.').map(Number);
var found = process.versions.node.split('.').map(Number);

if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
  console.error(
    'bluebuild-nix needs Node ' + needed + ' or later, and this is ' + process.version + ' (' + process.execPath + ')',
  );
  process.exit(1);
}
require('./program/program.cjs');
