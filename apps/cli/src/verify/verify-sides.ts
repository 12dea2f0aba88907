import { OcirenderError } from '@ocirender/interface';

/** The two images of a comparison as the user wrote them. */
export interface VerifySides {
  readonly subject: string;
  readonly reference: string;
}

/** A command line, as far as it names images. */
export interface SideArguments {
  readonly subject: string | undefined;
  readonly reference: string | undefined;
  /** `--squashfs` */
  readonly squashfsFlag: string | undefined;
  /** `--reference` */
  readonly referenceFlag: string | undefined;
}

/**
 * Gives the images that are to be compared, from either spelling.
 *
 * @param given - what the command line says
 * @returns both
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when one is missing, or both spellings are mixed
 */
export function verifySides(given: SideArguments): VerifySides {
  const { subject, reference, squashfsFlag, referenceFlag } = given;
  if (squashfsFlag !== undefined && referenceFlag !== undefined) {
    if (subject !== undefined) {
      throw new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        'the images are given twice: as arguments and with --squashfs and --reference',
      );
    }
    return { subject: `squashfs:${squashfsFlag}`, reference: `dir:${referenceFlag}` };
  }
  if (subject !== undefined && reference !== undefined) return { subject, reference };
  const missing = subject === undefined ? 'SUBJECT and REFERENCE are' : 'REFERENCE is';
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `what is to be compared? ${missing} missing`, {
    hint: 'Write "ocirender verify SUBJECT REFERENCE": images, archives or directories.',
  });
}
