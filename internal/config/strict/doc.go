// Package strict reads settings so that nothing wrong passes silently: unknown
// and repeated keys and unfit values are refused with file, line, key and what
// would be right, and all problems of a file are gathered before any is
// reported. It knows YAML and the spelling of single values (durations, sizes,
// choices); it does not know what a setting means.
package strict
