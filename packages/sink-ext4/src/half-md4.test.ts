import { expect, test } from 'vitest';
import { hashName } from './half-md4.ts';

const SEED = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
const NUMBERS = Uint32Array.from([0, 4, 8, 12], (at) => SEED.readUInt32LE(at));

// From debugfs 1.47.0: dx_hash -h half_md4 -s 01020304-0506-0708-090a-0b0c0d0e0f10 NAME
test.each([
  ['a', 0x8d08_ec4c, 0x2fbc_cd78],
  ['hello', 0xe2dd_f968, 0xc8bc_0924],
  ['x'.repeat(255), 0xac45_f49a, 0x874d_addc],
])('%s', (name, major, minor) => {
  expect(hashName(name, NUMBERS)).toEqual({ major, minor });
});
