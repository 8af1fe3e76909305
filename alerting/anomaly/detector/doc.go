// Package detector reads detector files: which series are watched, by which
// model, and what of its verdicts is stored.
package detector
