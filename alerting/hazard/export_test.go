package hazard

// Waiting bounds how many events wait in memory for the disk.
func (o *Options) Waiting(most int) { o.mostWaiting = most }
