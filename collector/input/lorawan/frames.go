package lorawan

import "sync"

// Frames follows the frame counters of devices, to tell how many uplinks were
// lost on the air. It outlives decoders, which a reload makes anew. It is safe
// for concurrent use.
type Frames struct {
	mu      sync.Mutex
	devices map[string]*frames
}

// frames is what is known of one device.
type frames struct {
	session string
	last    uint32 // the highest counter
	seen    uint64 // bit i: last-i has arrived, or came before this device was known
	time    int64  // of the newest uplink, in milliseconds
	gap     uint32 // how many counters lie between last and the highest before it
	missing uint32 // those of the gap that have not arrived
	lost    float64
	late    float64 // counted as lost, but came later; made up for by what is lost next
	told    int64   // when lost was last handed out
}

const (
	// maxDevices bounds the memory; beyond, any device is forgotten, which then
	// counts from 0 again.
	maxDevices = 200_000
	// maxGap is the most frames that a device may miss without having been
	// started again (MAX_FCNT_GAP of the LoRaWAN regional parameters).
	maxGap = 16384
	window = 64
)

// NewFrames returns Frames that know no device.
func NewFrames() *Frames { return &Frames{devices: map[string]*frames{}} }

// frame is one uplink as Frames see it.
type frame struct {
	device  string
	session string // of the device's keys or address; "" where unknown
	count   uint32
	time    int64 // of the uplink
	now     int64 // of its arrival here; both in milliseconds
}

// Seen notes an uplink. ok is false where there is nothing to say about lost
// uplinks: the frame has been seen before, or another number has been given out
// for the same instant.
func (f *Frames) Seen(u frame) (lost float64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.devices[u.device]
	if d == nil {
		d = &frames{}
		f.makeRoom()
		f.devices[u.device] = d
		d.begin(u)
	} else if !d.advance(u) {
		return 0, false
	}
	if u.now <= d.told {
		return 0, false
	}
	d.told = u.now
	return d.lost, true
}

// Joined notes that a device will count from 0 again.
func (f *Frames) Joined(device, session string, time int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.devices[device]; d != nil && time > d.time {
		d.giveUp(0)
		d.session, d.time = session, time
		d.last, d.seen = ^uint32(0), ^uint64(0) // 0 is next
	}
}

func (f *Frames) makeRoom() {
	for device := range f.devices {
		if len(f.devices) < maxDevices {
			return
		}
		delete(f.devices, device)
	}
}

// begin counts from u on. What came before is not missed.
func (d *frames) begin(u frame) {
	d.giveUp(0)
	d.session, d.last, d.seen, d.time = u.session, u.count, ^uint64(0), u.time
}

// advance says whether u is a frame that has not been seen.
func (d *frames) advance(u frame) bool {
	newer := u.time > d.time
	if u.session != d.session && u.session != "" && d.session != "" {
		if newer {
			d.begin(u)
		}
		return newer
	}
	ahead := u.count - d.last // wraps as 32-bit counters do
	if d.last < 1<<16 && u.count < 1<<16 && uint16(ahead) < window {
		ahead = uint32(uint16(ahead)) // as 16-bit counters do
	}
	switch behind := d.last - u.count; {
	case ahead == 0:
		return false // the same, sent again
	case ahead <= maxGap && u.time >= d.time:
		d.giveUp(ahead - 1)
		d.last, d.time = u.count, u.time
		d.seen = d.seen<<ahead | 1
		return true
	case behind < window && d.seen&(1<<behind) == 0:
		d.seen |= 1 << behind
		if behind <= d.gap {
			d.missing--
		} else {
			d.late++
		}
		return true
	case newer:
		d.begin(u) // counts from the start again without having joined
		return true
	}
	return false
}

// giveUp counts what is missing in the gap before the newest uplink as lost, now
// that another has come: until then it may only have been overtaken. next is the
// new gap.
func (d *frames) giveUp(next uint32) {
	lost := float64(d.missing)
	made := min(lost, d.late)
	d.late -= made
	d.lost += lost - made
	d.gap, d.missing = next, next
}
