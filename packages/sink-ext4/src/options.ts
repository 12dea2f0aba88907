import { parseUuid } from '@ocirender/image-file';
import { OcirenderError, type OptionSchema, type OptionValues, parseSize } from '@ocirender/interface';
import type { Amount } from './sizing.ts';
import type { Ext4WriterOptions } from './writer.ts';

/** Largest filesystem in bytes: 16 TiB, what a file can have on most filesystems. */
const MAX_SIZE = 2 ** 44;

/** Most bytes of a label. */
export const MAX_LABEL = 16;

/** Options of the sink. */
export const ext4Options: OptionSchema = {
  size: {
    type: 'size',
    min: 1,
    max: MAX_SIZE,
    description:
      'Size of the filesystem, rounded down to whole blocks; without it, what the tree needs and the free room',
  },
  free: {
    type: 'string',
    default: '0',
    placeholder: 'SIZE|PERCENT',
    description: 'Free room: bytes (also 100M), or a percentage of what the tree needs (20%)',
  },
  inodes: {
    type: 'integer',
    min: 1,
    max: 0xffff_ffff,
    description: 'How many inodes there are at least',
  },
  'inode-ratio': {
    type: 'size',
    min: 1024,
    max: 2 ** 26,
    description: 'Bytes of the filesystem for each of which there is an inode',
  },
  'block-size': {
    type: 'size',
    min: 1024,
    max: 4096,
    powerOfTwo: true,
    default: 4096,
    description: 'Size of blocks: 1024, 2048 or 4096',
  },
  label: { type: 'string', description: `Name of the filesystem, at most ${MAX_LABEL} bytes` },
  uuid: { type: 'string', description: 'UUID of the filesystem; by default one derived from the layers' },
  journal: {
    type: 'string',
    default: 'none',
    placeholder: 'none|SIZE',
    description: 'Size of a journal (at least 1024 blocks)',
  },
  reserved: {
    type: 'string',
    default: '0',
    placeholder: 'SIZE|PERCENT',
    description: 'Room that only root may fill: bytes, or a percentage of the filesystem',
  },
};

/**
 * Turns the sink's options into the writer's.
 *
 * @param values - checked against {@link ext4Options}
 * @throws {OcirenderError} `ERR_OCIRENDER_INVALID_OPTION` for values that the schema cannot check
 */
export function writerOptions(values: OptionValues): Ext4WriterOptions {
  const journal = values['journal'] as string;
  const uuid = values['uuid'] as string | undefined;
  const size = values['size'] as number | undefined;
  const free = parseAmount('free', values['free'] as string);
  if (size !== undefined && ('bytes' in free ? free.bytes : free.percent) > 0)
    throw invalid('free', 'cannot be combined with "size"');
  if (values['inodes'] !== undefined && values['inode-ratio'] !== undefined)
    throw invalid('inode-ratio', 'cannot be combined with "inodes"');
  return {
    size,
    free,
    inodes: values['inodes'] as number | undefined,
    inodeRatio: values['inode-ratio'] as number | undefined,
    blockSize: values['block-size'] as number,
    label: values['label'] as string | undefined,
    uuid: uuid === undefined ? undefined : parseUuidOption(uuid),
    journalSize:
      journal === 'none' ? 0 : (parseSize(journal) ?? refuse('journal', journal, '"none" or a size')),
    reserved: parseAmount('reserved', values['reserved'] as string),
  };
}

function parseUuidOption(text: string): Uint8Array {
  return parseUuid(text) ?? refuse('uuid', text, 'a UUID such as 01234567-89ab-4cde-8f01-23456789abcd');
}

function parseAmount(name: string, text: string): Amount {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent !== null && Number(percent[1]) <= 100_000) return { percent: Number(percent[1]) };
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes <= MAX_SIZE) return { bytes };
  return refuse(name, text, 'a size such as 100M or a percentage such as 20%');
}

function refuse(name: string, value: string, allowed: string): never {
  throw invalid(name, `${JSON.stringify(value)} is not ${allowed}`);
}

/** The error for an option of the sink. */
export function invalid(name: string, problem: string): OcirenderError {
  return new OcirenderError('ERR_OCIRENDER_INVALID_OPTION', `the sink ext4: option "${name}": ${problem}`);
}
