// Package initials finds Chinese names by the first letters of their syllables, as
// people type them: 解放碑17号井 by "jfb17hj". A character that is read in several
// ways is found by each.
package initials
