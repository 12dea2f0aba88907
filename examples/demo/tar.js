/**
 * A tar writer of just the size that the example image needs: USTAR headers, PAX records for xattrs.
 * (Real programs use @ocirender/tar-header; the image that the demo reads should not come from code under test.)
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */

const BLOCK = 512;

const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

/**
 * Writes one archive.
 *
 * @param {object[]} members - `{ path, type, mode, uid, gid, mtime, content, linkTarget, device, xattrs }`
 * @returns {Buffer} the archive with its two closing blocks
 */
export function writeTar(members) {
  const blocks = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? '');
    const records = Object.entries(member.xattrs ?? {}).map(([name, value]) =>
      paxRecord(`SCHILY.xattr.${name}`, value),
    );
    const pax = Buffer.concat(records);
    const paxMember = { path: `PaxHeaders/${member.path}`.slice(0, 100), mode: 0o644 };
    return [
      ...(pax.length > 0 ? [header({ ...paxMember }, 'x', pax.length), padded(pax)] : []),
      header(member, TYPE_FLAGS[member.type ?? 'file'], content.length),
      padded(content),
    ];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(member, typeFlag, size) {
  const block = Buffer.alloc(BLOCK);
  const text = (value, offset) => block.write(value, offset, 'latin1');
  const octal = (value, offset, width) => text(`${value.toString(8).padStart(width - 1, '0')}\0`, offset);
  text(member.path, 0);
  octal(member.mode ?? 0o644, 100, 8);
  octal(member.uid ?? 0, 108, 8);
  octal(member.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(member.mtime ?? 0, 136, 12);
  text('        ', 148);
  text(typeFlag, 156);
  text(member.linkTarget ?? '', 157);
  text('ustar\x0000', 257);
  const [major, minor] = member.device ?? [0, 0];
  octal(major, 329, 8);
  octal(minor, 337, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A record's length counts its own digits. */
function paxRecord(key, value) {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function padded(content) {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
