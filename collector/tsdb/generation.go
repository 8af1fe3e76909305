package tsdb

// Generation changes each time the store has been reopened after a failure. What
// was read from the end of its log before may be gone from it.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// Committed has a value when something was logged since one was taken. It is for
// one reader of the log.
func (s *Store) Committed() <-chan struct{} { return s.committed }

// Visible has a value when queries may see samples that they did not when one was
// taken. It is for one reader, who shows what is new.
func (s *Store) Visible() <-chan struct{} { return s.visible }

// ring is on the way of every commit: where there is a value already, and so also
// where nobody reads, it costs a look.
func (s *Store) ring() {
	for _, bell := range [...]chan struct{}{s.committed, s.visible} {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

// LogDir is the directory of the write-ahead log, as Prometheus calls it, which
// holds all samples in the order in which they came, late ones included.
func (s *Store) LogDir() string { return logDirs(s.opts.Dir)[0] }
