#!/usr/bin/env python3
"""Lists a directory tree for comparison: one JSON array for each name, the root first.

usage: listing.py ROOT

[path, type, mode, uid, gid, seconds, nanoseconds, size, sha256, target, major, minor, {xattr: hex}, inode, links]

Paths, targets and xattr names are latin-1: one character for each byte. No link is followed.
"""
import errno
import hashlib
import json
import os
import stat
import sys

TYPES = {
    stat.S_IFREG: 'file',
    stat.S_IFDIR: 'directory',
    stat.S_IFLNK: 'symlink',
    stat.S_IFCHR: 'character-device',
    stat.S_IFBLK: 'block-device',
    stat.S_IFIFO: 'fifo',
    stat.S_IFSOCK: 'socket',
}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb', buffering=0) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        # A squashfs image without any xattr says so for every inode.
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    return {
        os.fsencode(name).decode('latin-1'): os.getxattr(path, name, follow_symlinks=False).hex() for name in names
    }


def describe(relative, path):
    status = os.lstat(path)
    kind = TYPES[stat.S_IFMT(status.st_mode)]
    seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
    is_device = kind.endswith('-device')
    return [
        relative.decode('latin-1'),
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        seconds,
        nanoseconds,
        status.st_size if kind == 'file' else None,
        sha256(path) if kind == 'file' else None,
        os.readlink(path).decode('latin-1') if kind == 'symlink' else None,
        os.major(status.st_rdev) if is_device else None,
        os.minor(status.st_rdev) if is_device else None,
        xattrs(path),
        '%d:%d' % (status.st_dev, status.st_ino),
        status.st_nlink,
    ]


def main(root):
    pending = [b'']
    while pending:
        relative = pending.pop()
        entry = describe(relative, os.path.join(root, relative) if relative else root)
        sys.stdout.write(json.dumps(entry) + '\n')
        if entry[1] == 'directory':
            prefix = relative + b'/' if relative else b''
            pending.extend(prefix + name for name in os.listdir(os.path.join(root, relative)))


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(os.fsencode(sys.argv[1]))
