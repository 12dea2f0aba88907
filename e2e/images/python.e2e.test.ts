import { testImage } from '../support/image-suite.ts';

testImage('python', ['squashfs', 'ext4'], ['squashfs']);
