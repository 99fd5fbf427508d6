// Characters that change how the text around them is read. A name or an address could look like another one by them.

/** Bidirectional embeddings, overrides and isolates; marks without width; control characters but
 * tab and new line; and tags, but for those of a flag. */
const CONTROLS =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|(?<!\ud83c\udff4(?:\udb40[\udc00-\udc7f])*)\udb40[\udc00-\udc7f]/g

const code = (letter: string): string => `⟨U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** Return a text with its control characters written out: `⟨U+202E⟩`. Names and ids go through the kit's `visible`,
 * which also shows the marks that texts of Hebrew and Arabic need. */
export const showControls = (text: string): string => text.replace(CONTROLS, code)
