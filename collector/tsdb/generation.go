package tsdb

// Generation changes each time the store has been reopened after a failure. What
// was read from the end of its log before may be gone from it.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// LogDir is the directory of the write-ahead log, as Prometheus calls it, which
// holds all samples in the order in which they came, late ones included.
func (s *Store) LogDir() string { return logDirs(s.opts.Dir)[0] }
