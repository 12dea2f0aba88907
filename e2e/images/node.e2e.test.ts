import { testImage } from '../support/image-suite.ts';

testImage('node', ['squashfs', 'tar'], []);
