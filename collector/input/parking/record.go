package parking

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/value"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// The metrics. Lots are car parks.
const (
	metricOccupied    = "parking_bay_occupied"
	metricCapacity    = "parking_lot_capacity"
	metricLotOccupied = "parking_lot_occupied"
	// metricLotFree is stored where a car park says what is free but not how
	// large it is.
	metricLotFree = "parking_lot_available"
	metricBattery = "device_battery_volts"
	metricRSSI    = "device_rssi_dbm"
)

// The sources of a bay's state.
const (
	sourceGeomagnetic = "geomagnetic"
	sourceCamera      = "camera"
	sourceHandheld    = "handheld"
)

// record is one bay or car park at one time, as text. The texts are only lent.
type record struct {
	is   [fields]bool
	text [fields][]byte
	// park says that it is a car park, whatever its values look like.
	park bool
}

// set keeps the first of several texts for one field. An empty one says
// nothing.
func (r *record) set(f field, text []byte) {
	if f != fieldUnused && !r.is[f] && len(text) > 0 {
		r.is[f], r.text[f] = true, text
	}
}

// inherit takes what r does not say from what surrounds it.
func (r *record) inherit(around *record) {
	if around == nil {
		return
	}
	for _, f := range []field{fieldTime, fieldSource, fieldLot} {
		r.set(f, around.text[f])
	}
	if !r.is[fieldLot] {
		for _, f := range []field{fieldAsset, fieldID} {
			r.set(fieldLot, around.text[f])
		}
	}
}

// says is whether there is a state or a number in the record.
func (r *record) says() bool {
	return r.is[fieldOccupied] || r.is[fieldState] || r.is[fieldFree] || r.is[fieldCapacity]
}

// lot says whether the record is one of a car park.
func (r *record) lot() bool {
	if r.park || r.is[fieldCapacity] {
		return true
	}
	if r.is[fieldFree] && number(r.text[fieldFree]) && !r.is[fieldState] {
		return true
	}
	if !r.is[fieldOccupied] || !number(r.text[fieldOccupied]) {
		return false
	}
	_, bit := stateOf(r.text[fieldOccupied])
	return bit == nothing || !r.is[fieldAsset] && !r.is[fieldDevice] && r.is[fieldLot]
}

func number(text []byte) bool {
	_, err := strconv.ParseFloat(view(text), 64)
	return err == nil
}

// bit is a state: nothing where a text is none.
type bit int8

const (
	nothing bit = iota - 1
	free
	taken
	unknown // said to be unknown, or closed
)

// stateOf reads a state. inverse is the same as the answer to "free?".
func stateOf(text []byte) (inverse, state bit) {
	var buf [longestWord]byte
	low := buf[:0]
	for _, c := range text[:min(len(text), len(buf))] {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' && c != '-' && c != ' ' {
			low = append(low, c)
		}
	}
	switch view(low) {
	case "1", "1.0", "true", "yes", "y", "on", "是":
		return free, taken
	case "0", "0.0", "false", "no", "n", "off", "否":
		return taken, free
	case "occupied", "taken", "busy", "used", "inuse", "full", "present", "parked", "in", "占用", "已占用", "已占", "占", "有车", "有":
		return taken, taken
	case "free", "vacant", "available", "empty", "unoccupied", "notoccupied", "idle", "absent", "left", "out", "clear", "空闲", "空", "无车", "无", "未占用", "空位":
		return free, free
	case "unknown", "closed", "unavailable", "outofservice", "outoforder", "offline", "fault", "error", "maintenance", "disabled", "none", "null", "nan",
		"未知", "关闭", "停用", "故障", "离线", "维护":
		return unknown, unknown
	}
	return nothing, nothing
}

// emit adds a record to what refuse refuses to.
func (c *common) emit(m *input.Message, r *record, refuse refuser) {
	at := m.Received
	if r.is[fieldTime] {
		var ok bool
		if at, ok = parseTime(r.text[fieldTime], c.zone); !ok {
			refuse.refuse(reading.ReasonBadTimestamp, "time is %s; want one such as 2026-01-31T08:00:00+08:00, or seconds or milliseconds since 1970", r.text[fieldTime])
			return
		}
	}
	if r.lot() {
		c.emitLot(m, r, at, refuse)
		return
	}
	c.emitBay(m, r, at, refuse)
}

// refuser refuses parts of one record.
type refuser struct {
	out *reading.Builder
	raw []byte // nil: the message
	// heading, if there is one, stands before raw for whoever looks at it, and for
	// who takes number plates out of it.
	heading []byte
}

// refuse fills the %s of the format, if there is one, with text.
func (r refuser) refuse(reason reading.Reason, format string, text []byte) {
	detail := format
	if strings.Contains(format, "%s") {
		detail = fmt.Sprintf(format, strconv.Quote(string(text[:min(len(text), 60)])))
	}
	switch {
	case r.heading != nil:
		r.out.RefuseRaw(reason, detail, bytes.Join([][]byte{r.heading, r.raw}, []byte("\n")))
	case r.raw != nil:
		r.out.RefuseRaw(reason, detail, r.raw)
	default:
		r.out.Refuse(reason, detail)
	}
}

// longestID is the longest id of an asset.
const longestID = 256

// id is the first of the fields that name the asset, or what surrounds the
// message.
func (c *common) id(m *input.Message, r *record, strong ...field) (id string, around bool) {
	for _, f := range strong {
		if r.is[f] {
			return c.asset(r.text[f]), false
		}
	}
	if m.Label("asset") != "" {
		return "", true
	}
	if r.is[fieldID] {
		return c.asset(r.text[fieldID]), false
	}
	return "", false
}

func (c *common) begin(m *input.Message, r *record, at int64, refuse refuser, strong ...field) bool {
	id, around := c.id(m, r, strong...)
	switch {
	case len(id) == 0 && !around:
		refuse.refuse(reading.ReasonMissing, "nothing says which bay or car park this is: want asset, lot or id, or ?asset= in the address", nil)
		return false
	case len(id) > longestID:
		refuse.refuse(reading.ReasonBadSeries, "the id %s is longer than 256 bytes", []byte(id))
		return false
	}
	refuse.out.Begin(at)
	if len(id) > 0 {
		refuse.out.Label("asset", id)
	}
	return true
}

func (c *common) emitBay(m *input.Message, r *record, at int64, refuse refuser) {
	state, ok := r.state(refuse)
	if !ok || !c.begin(m, r, at, refuse, fieldAsset, fieldDevice) {
		return
	}
	if r.is[fieldBattery] || r.is[fieldRSSI] {
		c.emitDevice(r, refuse)
		c.begin(m, r, at, refuse, fieldAsset, fieldDevice)
	}
	switch {
	case r.is[fieldSource]:
		refuse.out.Label("source", sourceName(r.text[fieldSource]))
	case m.Label("source") == "":
		refuse.out.Label("source", c.source)
	}
	if r.is[fieldLot] {
		refuse.out.Label("lot", c.asset(r.text[fieldLot]))
	}
	if state == unknown {
		refuse.out.AnyValue(metricOccupied, math.Float64frombits(value.StaleNaN))
		return
	}
	refuse.out.Value(metricOccupied, float64(state))
}

func (r *record) state(refuse refuser) (bit, bool) {
	for _, f := range []field{fieldOccupied, fieldState, fieldFree} {
		if !r.is[f] {
			continue
		}
		inverse, state := stateOf(r.text[f])
		if f == fieldFree {
			state = inverse
		}
		if state == nothing {
			refuse.refuse(reading.ReasonBadType, "%s is no state of a bay: want occupied or free, true or false, 1 or 0", r.text[f])
			return nothing, false
		}
		return state, true
	}
	refuse.refuse(reading.ReasonMissing, "nothing says whether the bay is taken: want occupied, state or free; for a car park capacity, occupied or available", nil)
	return nothing, false
}

func (c *common) emitDevice(r *record, refuse refuser) {
	for _, x := range []struct {
		field  field
		metric string
	}{{fieldBattery, metricBattery}, {fieldRSSI, metricRSSI}} {
		if !r.is[x.field] {
			continue
		}
		v, err := strconv.ParseFloat(view(r.text[x.field]), 64)
		if err != nil {
			refuse.refuse(reading.ReasonBadType, x.metric+" is %s; want a number", r.text[x.field])
			continue
		}
		refuse.out.Value(x.metric, v)
	}
}

// sourceName translates common words for the three usual sources; others stay.
func sourceName(text []byte) string {
	switch normal(view(text)) {
	case "geomagnetic", "geo", "magnetic", "magnetometer", "geomagnetism", "地磁":
		return sourceGeomagnetic
	case "camera", "video", "cam", "视频", "摄像机", "摄像头", "高位视频":
		return sourceCamera
	case "handheld", "pda", "phone", "manual", "inspector", "手持", "手持机", "手持终端", "人工", "巡检":
		return sourceHandheld
	}
	return view(text)
}

func (c *common) emitLot(m *input.Message, r *record, at int64, refuse refuser) {
	capacity, hasCapacity := r.count(fieldCapacity, refuse)
	occupied, hasOccupied := r.count(fieldOccupied, refuse)
	available, hasAvailable := r.count(fieldFree, refuse)
	if !hasCapacity && !hasOccupied && !hasAvailable {
		return // each has been refused
	}
	if !c.begin(m, r, at, refuse, fieldAsset, fieldLot, fieldDevice) {
		return
	}
	if hasCapacity {
		refuse.out.Value(metricCapacity, capacity)
	}
	switch {
	case hasOccupied:
		refuse.out.Value(metricLotOccupied, occupied)
	case hasCapacity && hasAvailable && available > capacity:
		refuse.refuse(reading.ReasonBadNumber, "more is available than there is: %s", r.text[fieldFree])
	case hasCapacity && hasAvailable:
		refuse.out.Value(metricLotOccupied, capacity-available)
	case hasAvailable:
		refuse.out.Value(metricLotFree, available)
	}
}

// count reads a number of bays or cars.
func (r *record) count(f field, refuse refuser) (float64, bool) {
	if !r.is[f] {
		return 0, false
	}
	v, err := strconv.ParseFloat(view(r.text[f]), 64)
	switch {
	case err != nil && !math.IsInf(v, 0):
		refuse.refuse(reading.ReasonBadType, fieldNames()[f]+" is %s; want a number", r.text[f])
	case v < 0 || v != math.Trunc(v) || v > 1e9:
		refuse.refuse(reading.ReasonBadNumber, fieldNames()[f]+" is %s; want a whole number from 0 on", r.text[f])
	default:
		return v, true
	}
	return 0, false
}
