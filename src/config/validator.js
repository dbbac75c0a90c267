// Generated from modules/nix/nix.tsp by `npm run generate`. Do not edit.
'use strict';
export const validate = validate20;
export default validate20;
const schema31 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: '/modules/nix-v1.json',
  type: 'object',
  properties: {
    type: { $ref: '#/$defs/ModuleType' },
    source: { type: 'string' },
    'no-cache': { type: 'boolean' },
    env: {
      type: 'object',
      properties: {},
      unevaluatedProperties: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    },
    secrets: { type: 'array', items: { $ref: '#/$defs/RecordUnknown' } },
    installer: { anyOf: [{ $ref: '#/$defs/Provider' }, { $ref: '#/$defs/InstallerSettings' }], default: 'determinate' },
    persistence: {
      type: 'string',
      default: '/var/lib/nix',
      maxLength: 200,
      pattern: '^/var(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+$',
    },
    'transient-root': { $ref: '#/$defs/TransientRoot', default: 'karg' },
    'nix-conf': { $ref: '#/$defs/NixConf', default: { 'experimental-features': ['nix-command', 'flakes'] } },
    selinux: { $ref: '#/$defs/Selinux', default: 'auto' },
    telemetry: { $ref: '#/$defs/Telemetry', default: 'off' },
    maintenance: { anyOf: [{ $ref: '#/$defs/Switch' }, { $ref: '#/$defs/MaintenanceSettings' }], default: 'off' },
  },
  required: ['type'],
  unevaluatedProperties: { not: {} },
  $defs: {
    ModuleType: { type: 'string', enum: ['nix', 'nix@v1', 'nix@latest'] },
    RecordUnknown: { type: 'object', properties: {}, unevaluatedProperties: {} },
    Provider: { type: 'string', enum: ['determinate', 'nixos', 'native', 'system'] },
    InstallerSettings: {
      type: 'object',
      properties: {
        provider: { $ref: '#/$defs/Provider', default: 'determinate' },
        version: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+){1,3}$' },
        url: { type: 'string', maxLength: 2000, pattern: '^(https://|file:///)[!-~]+$' },
        sha256: { anyOf: [{ $ref: '#/$defs/Sha256' }, { $ref: '#/$defs/Sha256ByArchitecture' }] },
        embed: { type: 'boolean', default: true },
        args: { type: 'array', items: { $ref: '#/$defs/InstallerArgument' }, default: [] },
      },
      unevaluatedProperties: { not: {} },
    },
    TransientRoot: { type: 'string', enum: ['karg', 'initramfs', 'off'] },
    NixConf: { type: 'object', properties: {}, unevaluatedProperties: { $ref: '#/$defs/NixConfValue' } },
    Selinux: { type: 'string', enum: ['auto', 'on', 'off'] },
    Telemetry: { type: 'string', enum: ['off', 'determinate-systems'] },
    Switch: { type: 'string', enum: ['off', 'on'] },
    MaintenanceSettings: {
      type: 'object',
      properties: {
        schedule: { $ref: '#/$defs/Schedule', default: 'weekly' },
        'older-than': { type: 'string', pattern: '^[1-9][0-9]{0,3}d$' },
        optimise: { type: 'boolean', default: true },
        verify: { type: 'boolean', default: true },
      },
      unevaluatedProperties: { not: {} },
    },
    Sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    Sha256ByArchitecture: {
      type: 'object',
      properties: { x86_64: { $ref: '#/$defs/Sha256' }, aarch64: { $ref: '#/$defs/Sha256' } },
      unevaluatedProperties: { not: {} },
    },
    InstallerArgument: { type: 'string', pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]+$' },
    NixConfValue: {
      anyOf: [
        { $ref: '#/$defs/NixConfText' },
        { type: 'number' },
        { type: 'boolean' },
        { type: 'array', items: { anyOf: [{ $ref: '#/$defs/NixConfText' }, { type: 'number' }] } },
      ],
    },
    Schedule: { type: 'string', enum: ['daily', 'weekly', 'monthly'] },
    NixConfText: { type: 'string', pattern: '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' },
  },
};
const schema32 = { type: 'string', enum: ['nix', 'nix@v1', 'nix@latest'] };
const schema33 = { type: 'object', properties: {}, unevaluatedProperties: {} };
const schema34 = { type: 'string', enum: ['determinate', 'nixos', 'native', 'system'] };
const schema42 = { type: 'string', enum: ['karg', 'initramfs', 'off'] };
const schema47 = { type: 'string', enum: ['auto', 'on', 'off'] };
const schema48 = { type: 'string', enum: ['off', 'determinate-systems'] };
const schema49 = { type: 'string', enum: ['off', 'on'] };
const schema35 = {
  type: 'object',
  properties: {
    provider: { $ref: '#/$defs/Provider', default: 'determinate' },
    version: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+){1,3}$' },
    url: { type: 'string', maxLength: 2000, pattern: '^(https://|file:///)[!-~]+$' },
    sha256: { anyOf: [{ $ref: '#/$defs/Sha256' }, { $ref: '#/$defs/Sha256ByArchitecture' }] },
    embed: { type: 'boolean', default: true },
    args: { type: 'array', items: { $ref: '#/$defs/InstallerArgument' }, default: [] },
  },
  unevaluatedProperties: { not: {} },
};
const schema37 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const schema41 = { type: 'string', pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]+$' };
const pattern4 = new RegExp('^[0-9]+(\\.[0-9]+){1,3}$', 'u');
const pattern5 = new RegExp('^(https://|file:///)[!-~]+$', 'u');
const pattern6 = new RegExp('^[0-9a-f]{64}$', 'u');
const pattern9 = new RegExp('^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]+$', 'u');
const schema38 = {
  type: 'object',
  properties: { x86_64: { $ref: '#/$defs/Sha256' }, aarch64: { $ref: '#/$defs/Sha256' } },
  unevaluatedProperties: { not: {} },
};
function validate22(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate22.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.x86_64 !== undefined) {
      let data0 = data.x86_64;
      if (typeof data0 === 'string') {
        if (!pattern6.test(data0)) {
          const err0 = {
            instancePath: instancePath + '/x86_64',
            schemaPath: '#/$defs/Sha256/pattern',
            keyword: 'pattern',
            params: { pattern: '^[0-9a-f]{64}$' },
            message: 'must match pattern "' + '^[0-9a-f]{64}$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err0];
          } else {
            vErrors.push(err0);
          }
          errors++;
        }
      } else {
        const err1 = {
          instancePath: instancePath + '/x86_64',
          schemaPath: '#/$defs/Sha256/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.aarch64 !== undefined) {
      let data1 = data.aarch64;
      if (typeof data1 === 'string') {
        if (!pattern6.test(data1)) {
          const err2 = {
            instancePath: instancePath + '/aarch64',
            schemaPath: '#/$defs/Sha256/pattern',
            keyword: 'pattern',
            params: { pattern: '^[0-9a-f]{64}$' },
            message: 'must match pattern "' + '^[0-9a-f]{64}$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = {
          instancePath: instancePath + '/aarch64',
          schemaPath: '#/$defs/Sha256/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    for (const key0 in data) {
      if (key0 !== 'x86_64' && key0 !== 'aarch64') {
        const err4 = {
          instancePath: instancePath + '/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
          schemaPath: '#/unevaluatedProperties/not',
          keyword: 'not',
          params: {},
          message: 'must NOT be valid',
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
  } else {
    const err5 = {
      instancePath,
      schemaPath: '#/type',
      keyword: 'type',
      params: { type: 'object' },
      message: 'must be object',
    };
    if (vErrors === null) {
      vErrors = [err5];
    } else {
      vErrors.push(err5);
    }
    errors++;
  }
  validate22.errors = vErrors;
  return errors === 0;
}
validate22.evaluated = { props: true, dynamicProps: false, dynamicItems: false };
function validate21(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate21.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.provider !== undefined) {
      let data0 = data.provider;
      if (typeof data0 !== 'string') {
        const err0 = {
          instancePath: instancePath + '/provider',
          schemaPath: '#/$defs/Provider/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
      if (!(data0 === 'determinate' || data0 === 'nixos' || data0 === 'native' || data0 === 'system')) {
        const err1 = {
          instancePath: instancePath + '/provider',
          schemaPath: '#/$defs/Provider/enum',
          keyword: 'enum',
          params: { allowedValues: schema34.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.version !== undefined) {
      let data1 = data.version;
      if (typeof data1 === 'string') {
        if (!pattern4.test(data1)) {
          const err2 = {
            instancePath: instancePath + '/version',
            schemaPath: '#/properties/version/pattern',
            keyword: 'pattern',
            params: { pattern: '^[0-9]+(\\.[0-9]+){1,3}$' },
            message: 'must match pattern "' + '^[0-9]+(\\.[0-9]+){1,3}$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = {
          instancePath: instancePath + '/version',
          schemaPath: '#/properties/version/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.url !== undefined) {
      let data2 = data.url;
      if (typeof data2 === 'string') {
        if (data2.length > 2000) {
          const err4 = {
            instancePath: instancePath + '/url',
            schemaPath: '#/properties/url/maxLength',
            keyword: 'maxLength',
            params: { limit: 2000 },
            message: 'must NOT have more than 2000 characters',
          };
          if (vErrors === null) {
            vErrors = [err4];
          } else {
            vErrors.push(err4);
          }
          errors++;
        }
        if (!pattern5.test(data2)) {
          const err5 = {
            instancePath: instancePath + '/url',
            schemaPath: '#/properties/url/pattern',
            keyword: 'pattern',
            params: { pattern: '^(https://|file:///)[!-~]+$' },
            message: 'must match pattern "' + '^(https://|file:///)[!-~]+$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      } else {
        const err6 = {
          instancePath: instancePath + '/url',
          schemaPath: '#/properties/url/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.sha256 !== undefined) {
      let data3 = data.sha256;
      const _errs9 = errors;
      let valid2 = false;
      const _errs10 = errors;
      if (typeof data3 === 'string') {
        if (!pattern6.test(data3)) {
          const err7 = {
            instancePath: instancePath + '/sha256',
            schemaPath: '#/$defs/Sha256/pattern',
            keyword: 'pattern',
            params: { pattern: '^[0-9a-f]{64}$' },
            message: 'must match pattern "' + '^[0-9a-f]{64}$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
      } else {
        const err8 = {
          instancePath: instancePath + '/sha256',
          schemaPath: '#/$defs/Sha256/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
      var _valid0 = _errs10 === errors;
      valid2 = valid2 || _valid0;
      const _errs13 = errors;
      if (
        !validate22(data3, {
          instancePath: instancePath + '/sha256',
          parentData: data,
          parentDataProperty: 'sha256',
          rootData,
          dynamicAnchors,
        })
      ) {
        vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
        errors = vErrors.length;
      }
      var _valid0 = _errs13 === errors;
      valid2 = valid2 || _valid0;
      if (!valid2) {
        const err9 = {
          instancePath: instancePath + '/sha256',
          schemaPath: '#/properties/sha256/anyOf',
          keyword: 'anyOf',
          params: {},
          message: 'must match a schema in anyOf',
        };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      } else {
        errors = _errs9;
        if (vErrors !== null) {
          if (_errs9) {
            vErrors.length = _errs9;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data.embed !== undefined) {
      if (typeof data.embed !== 'boolean') {
        const err10 = {
          instancePath: instancePath + '/embed',
          schemaPath: '#/properties/embed/type',
          keyword: 'type',
          params: { type: 'boolean' },
          message: 'must be boolean',
        };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data.args !== undefined) {
      let data5 = data.args;
      if (Array.isArray(data5)) {
        const len0 = data5.length;
        for (let i0 = 0; i0 < len0; i0++) {
          let data6 = data5[i0];
          if (typeof data6 === 'string') {
            if (!pattern9.test(data6)) {
              const err11 = {
                instancePath: instancePath + '/args/' + i0,
                schemaPath: '#/$defs/InstallerArgument/pattern',
                keyword: 'pattern',
                params: { pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]+$' },
                message:
                  'must match pattern "' + '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]+$' + '"',
              };
              if (vErrors === null) {
                vErrors = [err11];
              } else {
                vErrors.push(err11);
              }
              errors++;
            }
          } else {
            const err12 = {
              instancePath: instancePath + '/args/' + i0,
              schemaPath: '#/$defs/InstallerArgument/type',
              keyword: 'type',
              params: { type: 'string' },
              message: 'must be string',
            };
            if (vErrors === null) {
              vErrors = [err12];
            } else {
              vErrors.push(err12);
            }
            errors++;
          }
        }
      } else {
        const err13 = {
          instancePath: instancePath + '/args',
          schemaPath: '#/properties/args/type',
          keyword: 'type',
          params: { type: 'array' },
          message: 'must be array',
        };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
    }
    for (const key0 in data) {
      if (
        key0 !== 'provider' &&
        key0 !== 'version' &&
        key0 !== 'url' &&
        key0 !== 'sha256' &&
        key0 !== 'embed' &&
        key0 !== 'args'
      ) {
        const err14 = {
          instancePath: instancePath + '/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
          schemaPath: '#/unevaluatedProperties/not',
          keyword: 'not',
          params: {},
          message: 'must NOT be valid',
        };
        if (vErrors === null) {
          vErrors = [err14];
        } else {
          vErrors.push(err14);
        }
        errors++;
      }
    }
  } else {
    const err15 = {
      instancePath,
      schemaPath: '#/type',
      keyword: 'type',
      params: { type: 'object' },
      message: 'must be object',
    };
    if (vErrors === null) {
      vErrors = [err15];
    } else {
      vErrors.push(err15);
    }
    errors++;
  }
  validate21.errors = vErrors;
  return errors === 0;
}
validate21.evaluated = { props: true, dynamicProps: false, dynamicItems: false };
const schema43 = { type: 'object', properties: {}, unevaluatedProperties: { $ref: '#/$defs/NixConfValue' } };
const schema44 = {
  anyOf: [
    { $ref: '#/$defs/NixConfText' },
    { type: 'number' },
    { type: 'boolean' },
    { type: 'array', items: { anyOf: [{ $ref: '#/$defs/NixConfText' }, { type: 'number' }] } },
  ],
};
const schema45 = { type: 'string', pattern: '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' };
const pattern11 = new RegExp('^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$', 'u');
function validate26(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate26.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  const _errs0 = errors;
  let valid0 = false;
  const _errs1 = errors;
  if (typeof data === 'string') {
    if (!pattern11.test(data)) {
      const err0 = {
        instancePath,
        schemaPath: '#/$defs/NixConfText/pattern',
        keyword: 'pattern',
        params: { pattern: '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' },
        message: 'must match pattern "' + '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' + '"',
      };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
  } else {
    const err1 = {
      instancePath,
      schemaPath: '#/$defs/NixConfText/type',
      keyword: 'type',
      params: { type: 'string' },
      message: 'must be string',
    };
    if (vErrors === null) {
      vErrors = [err1];
    } else {
      vErrors.push(err1);
    }
    errors++;
  }
  var _valid0 = _errs1 === errors;
  valid0 = valid0 || _valid0;
  const _errs4 = errors;
  if (!(typeof data == 'number' && isFinite(data))) {
    const err2 = {
      instancePath,
      schemaPath: '#/anyOf/1/type',
      keyword: 'type',
      params: { type: 'number' },
      message: 'must be number',
    };
    if (vErrors === null) {
      vErrors = [err2];
    } else {
      vErrors.push(err2);
    }
    errors++;
  }
  var _valid0 = _errs4 === errors;
  valid0 = valid0 || _valid0;
  const _errs6 = errors;
  if (typeof data !== 'boolean') {
    const err3 = {
      instancePath,
      schemaPath: '#/anyOf/2/type',
      keyword: 'type',
      params: { type: 'boolean' },
      message: 'must be boolean',
    };
    if (vErrors === null) {
      vErrors = [err3];
    } else {
      vErrors.push(err3);
    }
    errors++;
  }
  var _valid0 = _errs6 === errors;
  valid0 = valid0 || _valid0;
  const _errs8 = errors;
  if (Array.isArray(data)) {
    const len0 = data.length;
    for (let i0 = 0; i0 < len0; i0++) {
      let data0 = data[i0];
      const _errs11 = errors;
      let valid4 = false;
      const _errs12 = errors;
      if (typeof data0 === 'string') {
        if (!pattern11.test(data0)) {
          const err4 = {
            instancePath: instancePath + '/' + i0,
            schemaPath: '#/$defs/NixConfText/pattern',
            keyword: 'pattern',
            params: { pattern: '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' },
            message:
              'must match pattern "' + '^[^#\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]*$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err4];
          } else {
            vErrors.push(err4);
          }
          errors++;
        }
      } else {
        const err5 = {
          instancePath: instancePath + '/' + i0,
          schemaPath: '#/$defs/NixConfText/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
      var _valid1 = _errs12 === errors;
      valid4 = valid4 || _valid1;
      const _errs15 = errors;
      if (!(typeof data0 == 'number' && isFinite(data0))) {
        const err6 = {
          instancePath: instancePath + '/' + i0,
          schemaPath: '#/anyOf/3/items/anyOf/1/type',
          keyword: 'type',
          params: { type: 'number' },
          message: 'must be number',
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      var _valid1 = _errs15 === errors;
      valid4 = valid4 || _valid1;
      if (!valid4) {
        const err7 = {
          instancePath: instancePath + '/' + i0,
          schemaPath: '#/anyOf/3/items/anyOf',
          keyword: 'anyOf',
          params: {},
          message: 'must match a schema in anyOf',
        };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      } else {
        errors = _errs11;
        if (vErrors !== null) {
          if (_errs11) {
            vErrors.length = _errs11;
          } else {
            vErrors = null;
          }
        }
      }
    }
  } else {
    const err8 = {
      instancePath,
      schemaPath: '#/anyOf/3/type',
      keyword: 'type',
      params: { type: 'array' },
      message: 'must be array',
    };
    if (vErrors === null) {
      vErrors = [err8];
    } else {
      vErrors.push(err8);
    }
    errors++;
  }
  var _valid0 = _errs8 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    var items0 = true;
  }
  if (!valid0) {
    const err9 = {
      instancePath,
      schemaPath: '#/anyOf',
      keyword: 'anyOf',
      params: {},
      message: 'must match a schema in anyOf',
    };
    if (vErrors === null) {
      vErrors = [err9];
    } else {
      vErrors.push(err9);
    }
    errors++;
  } else {
    errors = _errs0;
    if (vErrors !== null) {
      if (_errs0) {
        vErrors.length = _errs0;
      } else {
        vErrors = null;
      }
    }
  }
  validate26.errors = vErrors;
  evaluated0.items = items0;
  return errors === 0;
}
validate26.evaluated = { dynamicProps: false, dynamicItems: true };
function validate25(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate25.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    for (const key0 in data) {
      if (
        !validate26(data[key0], {
          instancePath: instancePath + '/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
          parentData: data,
          parentDataProperty: key0,
          rootData,
          dynamicAnchors,
        })
      ) {
        vErrors = vErrors === null ? validate26.errors : vErrors.concat(validate26.errors);
        errors = vErrors.length;
      }
    }
  } else {
    const err0 = {
      instancePath,
      schemaPath: '#/type',
      keyword: 'type',
      params: { type: 'object' },
      message: 'must be object',
    };
    if (vErrors === null) {
      vErrors = [err0];
    } else {
      vErrors.push(err0);
    }
    errors++;
  }
  validate25.errors = vErrors;
  return errors === 0;
}
validate25.evaluated = { props: true, dynamicProps: false, dynamicItems: false };
const schema50 = {
  type: 'object',
  properties: {
    schedule: { $ref: '#/$defs/Schedule', default: 'weekly' },
    'older-than': { type: 'string', pattern: '^[1-9][0-9]{0,3}d$' },
    optimise: { type: 'boolean', default: true },
    verify: { type: 'boolean', default: true },
  },
  unevaluatedProperties: { not: {} },
};
const schema51 = { type: 'string', enum: ['daily', 'weekly', 'monthly'] };
const pattern13 = new RegExp('^[1-9][0-9]{0,3}d$', 'u');
function validate29(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate29.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.schedule !== undefined) {
      let data0 = data.schedule;
      if (typeof data0 !== 'string') {
        const err0 = {
          instancePath: instancePath + '/schedule',
          schemaPath: '#/$defs/Schedule/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
      if (!(data0 === 'daily' || data0 === 'weekly' || data0 === 'monthly')) {
        const err1 = {
          instancePath: instancePath + '/schedule',
          schemaPath: '#/$defs/Schedule/enum',
          keyword: 'enum',
          params: { allowedValues: schema51.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data['older-than'] !== undefined) {
      let data1 = data['older-than'];
      if (typeof data1 === 'string') {
        if (!pattern13.test(data1)) {
          const err2 = {
            instancePath: instancePath + '/older-than',
            schemaPath: '#/properties/older-than/pattern',
            keyword: 'pattern',
            params: { pattern: '^[1-9][0-9]{0,3}d$' },
            message: 'must match pattern "' + '^[1-9][0-9]{0,3}d$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = {
          instancePath: instancePath + '/older-than',
          schemaPath: '#/properties/older-than/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.optimise !== undefined) {
      if (typeof data.optimise !== 'boolean') {
        const err4 = {
          instancePath: instancePath + '/optimise',
          schemaPath: '#/properties/optimise/type',
          keyword: 'type',
          params: { type: 'boolean' },
          message: 'must be boolean',
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.verify !== undefined) {
      if (typeof data.verify !== 'boolean') {
        const err5 = {
          instancePath: instancePath + '/verify',
          schemaPath: '#/properties/verify/type',
          keyword: 'type',
          params: { type: 'boolean' },
          message: 'must be boolean',
        };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    for (const key0 in data) {
      if (key0 !== 'schedule' && key0 !== 'older-than' && key0 !== 'optimise' && key0 !== 'verify') {
        const err6 = {
          instancePath: instancePath + '/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
          schemaPath: '#/unevaluatedProperties/not',
          keyword: 'not',
          params: {},
          message: 'must NOT be valid',
        };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
  } else {
    const err7 = {
      instancePath,
      schemaPath: '#/type',
      keyword: 'type',
      params: { type: 'object' },
      message: 'must be object',
    };
    if (vErrors === null) {
      vErrors = [err7];
    } else {
      vErrors.push(err7);
    }
    errors++;
  }
  validate29.errors = vErrors;
  return errors === 0;
}
validate29.evaluated = { props: true, dynamicProps: false, dynamicItems: false };
const pattern10 = new RegExp('^/var(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+$', 'u');
function validate20(
  data,
  { instancePath = '', parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {},
) {
  /*# sourceURL="/modules/nix-v1.json" */ let vErrors = null;
  let errors = 0;
  const evaluated0 = validate20.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = undefined;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = undefined;
  }
  if (data && typeof data == 'object' && !Array.isArray(data)) {
    if (data.type === undefined) {
      const err0 = {
        instancePath,
        schemaPath: '#/required',
        keyword: 'required',
        params: { missingProperty: 'type' },
        message: "must have required property '" + 'type' + "'",
      };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    if (data.type !== undefined) {
      let data0 = data.type;
      if (typeof data0 !== 'string') {
        const err1 = {
          instancePath: instancePath + '/type',
          schemaPath: '#/$defs/ModuleType/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
      if (!(data0 === 'nix' || data0 === 'nix@v1' || data0 === 'nix@latest')) {
        const err2 = {
          instancePath: instancePath + '/type',
          schemaPath: '#/$defs/ModuleType/enum',
          keyword: 'enum',
          params: { allowedValues: schema32.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.source !== undefined) {
      if (typeof data.source !== 'string') {
        const err3 = {
          instancePath: instancePath + '/source',
          schemaPath: '#/properties/source/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data['no-cache'] !== undefined) {
      if (typeof data['no-cache'] !== 'boolean') {
        const err4 = {
          instancePath: instancePath + '/no-cache',
          schemaPath: '#/properties/no-cache/type',
          keyword: 'type',
          params: { type: 'boolean' },
          message: 'must be boolean',
        };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.env !== undefined) {
      let data3 = data.env;
      if (data3 && typeof data3 == 'object' && !Array.isArray(data3)) {
        for (const key0 in data3) {
          let data4 = data3[key0];
          const _errs12 = errors;
          let valid3 = false;
          const _errs13 = errors;
          if (typeof data4 !== 'string') {
            const err5 = {
              instancePath: instancePath + '/env/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
              schemaPath: '#/properties/env/unevaluatedProperties/anyOf/0/type',
              keyword: 'type',
              params: { type: 'string' },
              message: 'must be string',
            };
            if (vErrors === null) {
              vErrors = [err5];
            } else {
              vErrors.push(err5);
            }
            errors++;
          }
          var _valid0 = _errs13 === errors;
          valid3 = valid3 || _valid0;
          const _errs15 = errors;
          if (!(typeof data4 == 'number' && isFinite(data4))) {
            const err6 = {
              instancePath: instancePath + '/env/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
              schemaPath: '#/properties/env/unevaluatedProperties/anyOf/1/type',
              keyword: 'type',
              params: { type: 'number' },
              message: 'must be number',
            };
            if (vErrors === null) {
              vErrors = [err6];
            } else {
              vErrors.push(err6);
            }
            errors++;
          }
          var _valid0 = _errs15 === errors;
          valid3 = valid3 || _valid0;
          const _errs17 = errors;
          if (typeof data4 !== 'boolean') {
            const err7 = {
              instancePath: instancePath + '/env/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
              schemaPath: '#/properties/env/unevaluatedProperties/anyOf/2/type',
              keyword: 'type',
              params: { type: 'boolean' },
              message: 'must be boolean',
            };
            if (vErrors === null) {
              vErrors = [err7];
            } else {
              vErrors.push(err7);
            }
            errors++;
          }
          var _valid0 = _errs17 === errors;
          valid3 = valid3 || _valid0;
          if (!valid3) {
            const err8 = {
              instancePath: instancePath + '/env/' + key0.replace(/~/g, '~0').replace(/\//g, '~1'),
              schemaPath: '#/properties/env/unevaluatedProperties/anyOf',
              keyword: 'anyOf',
              params: {},
              message: 'must match a schema in anyOf',
            };
            if (vErrors === null) {
              vErrors = [err8];
            } else {
              vErrors.push(err8);
            }
            errors++;
          } else {
            errors = _errs12;
            if (vErrors !== null) {
              if (_errs12) {
                vErrors.length = _errs12;
              } else {
                vErrors = null;
              }
            }
          }
        }
      } else {
        const err9 = {
          instancePath: instancePath + '/env',
          schemaPath: '#/properties/env/type',
          keyword: 'type',
          params: { type: 'object' },
          message: 'must be object',
        };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
    }
    if (data.secrets !== undefined) {
      let data5 = data.secrets;
      if (Array.isArray(data5)) {
        const len0 = data5.length;
        for (let i0 = 0; i0 < len0; i0++) {
          let data6 = data5[i0];
          if (data6 && typeof data6 == 'object' && !Array.isArray(data6)) {
          } else {
            const err10 = {
              instancePath: instancePath + '/secrets/' + i0,
              schemaPath: '#/$defs/RecordUnknown/type',
              keyword: 'type',
              params: { type: 'object' },
              message: 'must be object',
            };
            if (vErrors === null) {
              vErrors = [err10];
            } else {
              vErrors.push(err10);
            }
            errors++;
          }
        }
      } else {
        const err11 = {
          instancePath: instancePath + '/secrets',
          schemaPath: '#/properties/secrets/type',
          keyword: 'type',
          params: { type: 'array' },
          message: 'must be array',
        };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data.installer !== undefined) {
      let data7 = data.installer;
      const _errs26 = errors;
      let valid7 = false;
      const _errs27 = errors;
      if (typeof data7 !== 'string') {
        const err12 = {
          instancePath: instancePath + '/installer',
          schemaPath: '#/$defs/Provider/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (!(data7 === 'determinate' || data7 === 'nixos' || data7 === 'native' || data7 === 'system')) {
        const err13 = {
          instancePath: instancePath + '/installer',
          schemaPath: '#/$defs/Provider/enum',
          keyword: 'enum',
          params: { allowedValues: schema34.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
      var _valid1 = _errs27 === errors;
      valid7 = valid7 || _valid1;
      const _errs30 = errors;
      if (
        !validate21(data7, {
          instancePath: instancePath + '/installer',
          parentData: data,
          parentDataProperty: 'installer',
          rootData,
          dynamicAnchors,
        })
      ) {
        vErrors = vErrors === null ? validate21.errors : vErrors.concat(validate21.errors);
        errors = vErrors.length;
      }
      var _valid1 = _errs30 === errors;
      valid7 = valid7 || _valid1;
      if (!valid7) {
        const err14 = {
          instancePath: instancePath + '/installer',
          schemaPath: '#/properties/installer/anyOf',
          keyword: 'anyOf',
          params: {},
          message: 'must match a schema in anyOf',
        };
        if (vErrors === null) {
          vErrors = [err14];
        } else {
          vErrors.push(err14);
        }
        errors++;
      } else {
        errors = _errs26;
        if (vErrors !== null) {
          if (_errs26) {
            vErrors.length = _errs26;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data.persistence !== undefined) {
      let data8 = data.persistence;
      if (typeof data8 === 'string') {
        if (data8.length > 200) {
          const err15 = {
            instancePath: instancePath + '/persistence',
            schemaPath: '#/properties/persistence/maxLength',
            keyword: 'maxLength',
            params: { limit: 200 },
            message: 'must NOT have more than 200 characters',
          };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
        if (!pattern10.test(data8)) {
          const err16 = {
            instancePath: instancePath + '/persistence',
            schemaPath: '#/properties/persistence/pattern',
            keyword: 'pattern',
            params: { pattern: '^/var(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+$' },
            message: 'must match pattern "' + '^/var(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+$' + '"',
          };
          if (vErrors === null) {
            vErrors = [err16];
          } else {
            vErrors.push(err16);
          }
          errors++;
        }
      } else {
        const err17 = {
          instancePath: instancePath + '/persistence',
          schemaPath: '#/properties/persistence/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err17];
        } else {
          vErrors.push(err17);
        }
        errors++;
      }
    }
    if (data['transient-root'] !== undefined) {
      let data9 = data['transient-root'];
      if (typeof data9 !== 'string') {
        const err18 = {
          instancePath: instancePath + '/transient-root',
          schemaPath: '#/$defs/TransientRoot/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
      if (!(data9 === 'karg' || data9 === 'initramfs' || data9 === 'off')) {
        const err19 = {
          instancePath: instancePath + '/transient-root',
          schemaPath: '#/$defs/TransientRoot/enum',
          keyword: 'enum',
          params: { allowedValues: schema42.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
    }
    if (data['nix-conf'] !== undefined) {
      if (
        !validate25(data['nix-conf'], {
          instancePath: instancePath + '/nix-conf',
          parentData: data,
          parentDataProperty: 'nix-conf',
          rootData,
          dynamicAnchors,
        })
      ) {
        vErrors = vErrors === null ? validate25.errors : vErrors.concat(validate25.errors);
        errors = vErrors.length;
      }
    }
    if (data.selinux !== undefined) {
      let data11 = data.selinux;
      if (typeof data11 !== 'string') {
        const err20 = {
          instancePath: instancePath + '/selinux',
          schemaPath: '#/$defs/Selinux/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err20];
        } else {
          vErrors.push(err20);
        }
        errors++;
      }
      if (!(data11 === 'auto' || data11 === 'on' || data11 === 'off')) {
        const err21 = {
          instancePath: instancePath + '/selinux',
          schemaPath: '#/$defs/Selinux/enum',
          keyword: 'enum',
          params: { allowedValues: schema47.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err21];
        } else {
          vErrors.push(err21);
        }
        errors++;
      }
    }
    if (data.telemetry !== undefined) {
      let data12 = data.telemetry;
      if (typeof data12 !== 'string') {
        const err22 = {
          instancePath: instancePath + '/telemetry',
          schemaPath: '#/$defs/Telemetry/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err22];
        } else {
          vErrors.push(err22);
        }
        errors++;
      }
      if (!(data12 === 'off' || data12 === 'determinate-systems')) {
        const err23 = {
          instancePath: instancePath + '/telemetry',
          schemaPath: '#/$defs/Telemetry/enum',
          keyword: 'enum',
          params: { allowedValues: schema48.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err23];
        } else {
          vErrors.push(err23);
        }
        errors++;
      }
    }
    if (data.maintenance !== undefined) {
      let data13 = data.maintenance;
      const _errs44 = errors;
      let valid12 = false;
      const _errs45 = errors;
      if (typeof data13 !== 'string') {
        const err24 = {
          instancePath: instancePath + '/maintenance',
          schemaPath: '#/$defs/Switch/type',
          keyword: 'type',
          params: { type: 'string' },
          message: 'must be string',
        };
        if (vErrors === null) {
          vErrors = [err24];
        } else {
          vErrors.push(err24);
        }
        errors++;
      }
      if (!(data13 === 'off' || data13 === 'on')) {
        const err25 = {
          instancePath: instancePath + '/maintenance',
          schemaPath: '#/$defs/Switch/enum',
          keyword: 'enum',
          params: { allowedValues: schema49.enum },
          message: 'must be equal to one of the allowed values',
        };
        if (vErrors === null) {
          vErrors = [err25];
        } else {
          vErrors.push(err25);
        }
        errors++;
      }
      var _valid2 = _errs45 === errors;
      valid12 = valid12 || _valid2;
      const _errs48 = errors;
      if (
        !validate29(data13, {
          instancePath: instancePath + '/maintenance',
          parentData: data,
          parentDataProperty: 'maintenance',
          rootData,
          dynamicAnchors,
        })
      ) {
        vErrors = vErrors === null ? validate29.errors : vErrors.concat(validate29.errors);
        errors = vErrors.length;
      }
      var _valid2 = _errs48 === errors;
      valid12 = valid12 || _valid2;
      if (!valid12) {
        const err26 = {
          instancePath: instancePath + '/maintenance',
          schemaPath: '#/properties/maintenance/anyOf',
          keyword: 'anyOf',
          params: {},
          message: 'must match a schema in anyOf',
        };
        if (vErrors === null) {
          vErrors = [err26];
        } else {
          vErrors.push(err26);
        }
        errors++;
      } else {
        errors = _errs44;
        if (vErrors !== null) {
          if (_errs44) {
            vErrors.length = _errs44;
          } else {
            vErrors = null;
          }
        }
      }
    }
    for (const key2 in data) {
      if (
        key2 !== 'type' &&
        key2 !== 'source' &&
        key2 !== 'no-cache' &&
        key2 !== 'env' &&
        key2 !== 'secrets' &&
        key2 !== 'installer' &&
        key2 !== 'persistence' &&
        key2 !== 'transient-root' &&
        key2 !== 'nix-conf' &&
        key2 !== 'selinux' &&
        key2 !== 'telemetry' &&
        key2 !== 'maintenance'
      ) {
        const err27 = {
          instancePath: instancePath + '/' + key2.replace(/~/g, '~0').replace(/\//g, '~1'),
          schemaPath: '#/unevaluatedProperties/not',
          keyword: 'not',
          params: {},
          message: 'must NOT be valid',
        };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
    }
  } else {
    const err28 = {
      instancePath,
      schemaPath: '#/type',
      keyword: 'type',
      params: { type: 'object' },
      message: 'must be object',
    };
    if (vErrors === null) {
      vErrors = [err28];
    } else {
      vErrors.push(err28);
    }
    errors++;
  }
  validate20.errors = vErrors;
  return errors === 0;
}
validate20.evaluated = { props: true, dynamicProps: false, dynamicItems: false };
