package lorawan

// SeenUplink is Seen for tests.
func (f *Frames) SeenUplink(device, session string, count uint32, time, now int64) (float64, bool) {
	return f.Seen(frame{device: device, session: session, count: count, time: time, now: now})
}

// Len is the number of devices that are followed.
func (f *Frames) Len() int { return len(f.devices) }
